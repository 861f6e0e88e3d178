"""Sonde's own log."""

from __future__ import annotations

import json
import logging

from sonde.cli.log import JsonFormatter, TextFormatter


def record(message: str, cause: BaseException | None = None) -> logging.LogRecord:
    exc_info = (type(cause), cause, cause.__traceback__) if cause else None
    return logging.LogRecord("sonde.store", logging.WARNING, "f.py", 1, message, ("disk",), exc_info)


def test_json_lines_have_the_field_names_of_the_sdk():
    fields = json.loads(JsonFormatter().format(record("%s full", ValueError("bad"))))
    assert {name: fields[name] for name in ("level", "service", "message", "logger")} == {
        "level": "warn",
        "service": "sonde",
        "message": "disk full",
        "logger": "sonde.store",
    }
    assert fields["timestamp"].endswith("+00:00")
    assert fields["exception"].endswith("ValueError: bad")


def test_text_is_a_line_that_cannot_steer_the_terminal():
    line = TextFormatter().format(record("%s \x1b[2Jfull"))
    assert line[9:] == "warn  disk \\x1b[2Jfull"
