"""`sonde query promql` against a server."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import pytest
from tests.cli.conftest import Api, Sonde

VECTOR = {
    "resultType": "vector",
    "result": [
        {"metric": {"__name__": "up", "job": "api"}, "value": [1700000000, "1"]},
        {"metric": {"http.route": "/a b"}, "value": [1700000000, "NaN"]},
        {
            "metric": {"__name__": "seconds"},
            "histogram": [1700000000, {"count": "3", "sum": "4.5", "buckets": [[0, "1", "2", "3"]]}],
        },
    ],
}
MATRIX = {
    "resultType": "matrix",
    "result": [{"metric": {"__name__": "up"}, "values": [[1700000000, "1"], [1700000000.25, "0.5"]]}],
}


def answer(data: object, **more: object) -> dict[str, object]:
    return {"status": "success", "data": data, **more}


def test_an_instant_query_is_a_line_a_series(sonde: Sonde, api: Api) -> None:
    api.answer("/prometheus/api/v1/query", answer(VECTOR))
    result = sonde("query", "promql", "up", "--server", api.url)
    lines = [line.split("  ", 1)[0] for line in result.stdout.splitlines()]
    assert (result.returncode, lines) == (
        0,
        ["series", "---------------------", 'up{job="api"}', '{"http.route"="/a b"}', "seconds"],
    )
    assert result.stdout.splitlines()[-1].endswith("{count:3, sum:4.5, (1,2]:3}")


def test_a_range_query_is_a_line_a_sample(sonde: Sonde, api: Api) -> None:
    api.answer("/prometheus/api/v1/query_range", answer(MATRIX))
    result = sonde("query", "promql", "up", "--end", "1700000001", "--format", "csv", "--server", api.url)
    assert result.stdout == "series,time,value\nup,2023-11-14T22:13:20Z,1\nup,2023-11-14T22:13:20.250Z,0.5\n"


def test_json_is_what_the_api_says(sonde: Sonde, api: Api) -> None:
    api.answer("/prometheus/api/v1/query", answer(VECTOR))
    result = sonde("query", "promql", "up", "--format", "json", "--server", api.url)
    assert json.loads(result.stdout) == VECTOR


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"resultType": "scalar", "result": [1, "2.5"]}, "value\n-----\n  2.5\n"),
        ({"resultType": "string", "result": [1, "\x1b[2J"]}, "value\n-------\n\\x1b[2J\n"),
        ({"resultType": "vector", "result": []}, "series  value\n------  -----\n"),
    ],
)
def test_other_values_are_tables_too(sonde: Sonde, api: Api, data: object, text: str) -> None:
    api.answer("/prometheus/api/v1/query", answer(data))
    assert sonde("query", "promql", "x", "--server", api.url).stdout == text


def test_the_question_carries_expression_times_key_and_tenant(sonde: Sonde, api: Api) -> None:
    api.answer("/prometheus/api/v1/query_range", answer(MATRIX))
    sonde(
        *("query", "promql", "-", "--start", "2023-11-14T22:13:20Z", "--end", "1700003600.5", "--step", "1m"),
        *("--tenant", "team-a", "--key", "k"),
        stdin="sum(up)",
        SONDE_URL=api.url,
    )
    [(method, path, headers, body)] = api.asked
    assert (method, path) == ("POST", "/prometheus/api/v1/query_range")
    assert (headers["authorization"], headers["x-scope-orgid"]) == ("Bearer k", "team-a")
    assert {name: value for name, [value] in parse_qs(body.decode()).items()} == {
        "query": "sum(up)",
        "start": "1700000000.000",
        "end": "1700003600.500",
        "step": "1m",
    }


def test_warnings_and_infos_stand_beside_the_answer(sonde: Sonde, api: Api) -> None:
    api.answer("/prometheus/api/v1/query", answer(VECTOR, warnings=["careful"], infos=["by the way"]))
    assert sonde("query", "promql", "up", "--server", api.url).stderr == "careful\nby the way\n"


def test_an_error_of_the_api_is_shown(sonde: Sonde, api: Api) -> None:
    error = {"status": "error", "errorType": "bad_data", "error": 'invalid parameter "query": 1:4: parse error: x'}
    api.answer("/prometheus/api/v1/query", error, status=400)
    result = sonde("query", "promql", "up+", "--server", api.url)
    assert (result.returncode, result.stderr) == (2, f"sonde: {error['error']}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--time", "1", "--step", "5"), "--time is for an instant query"),
        (("--start", "yesterday"), "yesterday"),
        (("--start", "now", "--end", "now-1h"), "end"),
    ],
)
def test_times_that_make_no_sense_are_refused(sonde: Sonde, api: Api, arguments: tuple[str, ...], message: str) -> None:
    result = sonde("query", "promql", "up", *arguments, "--server", api.url)
    assert result.returncode == 2
    assert message in result.stderr
    assert api.asked == []
