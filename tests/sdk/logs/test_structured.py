"""structlog joins in, whether Sonde or the host sets it up, and in whatever order."""

from __future__ import annotations

import logging

import pytest
import structlog


def test_events_are_lines_and_log_records(sonde, sink, flush, lines):
    log = sonde.get_logger("shop.cart", cart=1).bind(step="pay")
    log.debug("not at this level")
    log.info("paid", amount=12, api_key="x")
    log.warning("slow")
    flush()
    first, second = lines()
    assert (
        first.items()
        >= {
            "level": "info",
            "message": "paid",
            "logger": "shop.cart",
            "cart": 1,
            "step": "pay",
            "amount": 12,
            "api_key": "[redacted]",
        }.items()
    )
    assert second["level"] == "warning"
    assert sink.log("paid").attributes == {"cart": 1, "step": "pay", "amount": 12, "api_key": "[redacted]"}
    assert sink.log("paid").scope == "shop.cart"


def test_structlogs_own_context_joins_in(sonde, lines):
    with structlog.contextvars.bound_contextvars(order="o-1"):
        sonde.get_logger().info("hello")
    assert lines()[0]["order"] == "o-1"


def test_an_exception_is_told(sonde, sink, flush, lines):
    try:
        {}["gone"]
    except KeyError as error:
        sonde.get_logger().exception("first")
        sonde.get_logger().error("second", exc_info=error)
    sonde.get_logger().error("third", exc_info=True)
    flush()
    assert ["exception" in line for line in lines()] == [True, True, False]
    assert sink.log("second").attributes["exception.type"] == "KeyError"


def test_a_field_never_replaces_a_well_known_one(sonde, lines):
    sonde.get_logger().info("hello", service="theirs", trace_id="theirs")
    (line,) = lines()
    assert (line["service"], line["service_"], line["trace_id_"]) == ("shop", "theirs", "theirs")


@pytest.mark.parametrize("after", [True, False], ids=["configured after Sonde", "configured before Sonde"])
def test_a_hosts_own_set_up_keeps_its_output_and_is_sent_too(clean_process, sink, capsys, after):
    import sonde

    def set_up():
        structlog.configure(
            processors=[structlog.processors.add_log_level, structlog.processors.KeyValueRenderer(sort_keys=True)],
            wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        )

    if not after:
        set_up()
    handle = sonde.configure(service="shop", endpoint=sink.url)
    if after:
        set_up()
    structlog.get_logger().info("paid", amount=12)
    assert handle.shutdown()
    assert capsys.readouterr().out == "amount=12 event='paid' level='info'\n"
    assert sink.log("paid").attributes == {"amount": 12}


def test_a_set_up_that_ends_in_standard_logging_is_sent_once(clean_process, sink, lines):
    import sonde

    handle = sonde.configure(service="shop", endpoint=sink.url)
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()], logger_factory=structlog.stdlib.LoggerFactory()
    )
    structlog.get_logger("app").warning("paid", amount=12)
    assert handle.shutdown()
    assert [(line["message"], line["amount"]) for line in lines()] == [("paid", 12)]
    assert sink.log("paid").attributes == {"amount": 12}
