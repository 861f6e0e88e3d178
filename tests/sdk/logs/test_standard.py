"""Standard logging joins in: every record once, on stdout and in Sonde, whatever the host has set up."""

from __future__ import annotations

import io
import logging
import sys

import pytest


@pytest.fixture
def logger():
    logger = logging.getLogger("app")
    yield logger
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


def test_a_record_is_a_line_and_a_log_record(sonde, sink, flush, lines, logger):
    logger.warning("low on %s", "stock", extra={"sku": 7, "password": "x"})
    flush()
    (line,) = lines()
    timestamp = line.pop("timestamp")
    assert timestamp.endswith("Z")
    assert len(timestamp) == len("2026-01-02T03:04:05.678901Z")
    assert line == {
        "level": "warning",
        "service": "shop",
        "message": "low on stock",
        "trace_id": None,
        "span_id": None,
        "logger": "app",
        "sku": 7,
        "password": "[redacted]",
    }
    record = sink.log("low on stock")
    assert (record.item.severity_number, record.item.severity_text) == (13, "WARNING")
    assert record.attributes == {"sku": 7, "password": "[redacted]"}
    assert record.scope == "app"


def test_an_exception_is_told_in_both(sonde, sink, flush, lines, logger):
    try:
        {}["gone"]
    except KeyError:
        logger.exception("failed")
    flush()
    assert "KeyError: 'gone'" in lines()[0]["exception"]
    attributes = sink.log("failed").attributes
    assert attributes["exception.type"] == "KeyError"
    assert attributes["exception.message"] == "'gone'"
    assert "Traceback" in attributes["exception.stacktrace"]


def test_handlers_on_the_console_are_silent_and_others_go_on(sonde, lines, capsys, logger):
    file = io.StringIO()
    for stream in (sys.stdout, sys.stderr, file):
        logger.addHandler(logging.StreamHandler(stream))
    logger.propagate = False
    logger.warning("hello")
    assert file.getvalue() == "hello\n"
    captured = capsys.readouterr()
    assert captured.out.count("hello") == 1
    assert captured.err == ""


def test_with_the_console_off_the_host_prints_as_ever(clean_process, sink, capsys, logger):
    import sonde

    handle = sonde.configure(service="shop", endpoint=sink.url, console=False)
    logger.addHandler(logging.StreamHandler(sys.stdout))
    logger.warning("hello")
    assert handle.shutdown()
    assert capsys.readouterr().out == "hello\n"
    assert sink.log("hello")


@pytest.mark.parametrize("set_by_host", [logging.DEBUG, logging.ERROR])
def test_a_level_that_the_host_has_set_stays(clean_process, sink, set_by_host):
    import sonde

    logging.root.setLevel(set_by_host)
    sonde.configure(service="shop", endpoint=sink.url, console=False)
    assert logging.root.level == set_by_host


def test_the_default_level_becomes_info(sonde, lines, logger):
    logging.root.setLevel(logging.WARNING)
    from sonde.sdk.logs import standard

    standard.capture(logging.INFO, lambda: False)
    logger.info("hello")
    assert [line["message"] for line in lines()] == ["hello"]


@pytest.mark.parametrize(
    "message", [{"event": "paid", "amount": 12, "level": "info"}, '{"event": "paid", "amount": 12, "timestamp": "now"}']
)
def test_a_message_that_is_structured_already_is_read_as_such(sonde, lines, logger, message):
    logger.warning(message)
    (line,) = lines()
    assert (line["message"], line["amount"], line["level"]) == ("paid", 12, "warning")


def test_braces_alone_make_no_structure(sonde, lines, logger):
    logger.warning('{"broken": }')
    assert lines()[0]["message"] == '{"broken": }'


def test_a_value_whose_text_form_fails_costs_only_itself(clean_process, sink, lines, logger):
    import sonde

    class Broken:
        def __str__(self):
            raise RuntimeError("no text")

    sonde.configure(service="shop", endpoint=sink.url)
    logger.warning("hello", extra={"thing": Broken()})
    assert lines()[-1]["thing"] == "(has no text form)"
