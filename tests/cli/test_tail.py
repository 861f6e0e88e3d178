"""`sonde tail` against a server."""

from __future__ import annotations

import json

import pytest
from tests.cli.conftest import Api, Sonde

from sonde.cli.tail import format_record

RECORD = {
    "time_unix_nano": "1700000000123000000",
    "service": "shop",
    "level": "error",
    "body": "payment failed\nno route",
    "trace_id": "0123456789abcdef0123456789abcdef",
    "attributes": {"http.status_code": 502, "user": "Ada L"},
}


def stream(*events: tuple[str, object]) -> bytes:
    return b": heartbeat\n\n" + b"".join(
        f"event: {name}\ndata: {json.dumps(data)}\n\n".encode() for name, data in events
    )


def test_records_are_printed_as_they_arrive(sonde: Sonde, api: Api):
    api.answers["/api/v1/logs/live"] = (200, "text/event-stream", stream(("record", RECORD), ("dropped", {"count": 3})))
    result = sonde("tail", "--server", api.url, "--service", "shop", "--level", "error", "--level", "fatal", TZ="UTC")
    assert result.stdout == (
        '22:13:20.123 ERROR shop           payment failed\n    no route  http.status_code=502 user="Ada L" trace=01234567\n'
    )
    assert result.stderr.splitlines() == [
        "… 3 records were left out: they came too fast",
        "The server ended the stream.",
    ]
    assert api.asked[0][1] == "/api/v1/logs/live?service=shop&level=error&level=fatal"


def test_json_is_passed_on_as_it_came(sonde: Sonde, api: Api):
    api.answers["/api/v1/logs/live"] = (200, "text/event-stream", stream(("record", RECORD)))
    assert json.loads(sonde("tail", "--json", "--server", api.url).stdout) == RECORD


@pytest.mark.parametrize("colour", [False, True])
def test_what_a_service_logs_cannot_steer_the_terminal(colour: bool):
    hostile = {**RECORD, "body": "\x1b]0;owned\x07", "service": "\x1b[2J", "attributes": {"\x1b[1m": "\x9b31m\r"}}
    line = format_record(hostile, colour=colour)
    assert not {"\x07", "\x9b", "\r"} & set(line)
    assert line.count("\x1b") == (4 if colour else 0)
