"""``sonde.configure``: one call, three signals on the wire."""

from __future__ import annotations

import logging

from opentelemetry import metrics, trace


def test_three_signals_arrive(sonde, sink, flush):
    with trace.get_tracer("test").start_as_current_span("work"):
        sonde.get_logger("shop.cart").info("paid", amount=12)
        logging.getLogger("plain").warning("low on %s", "stock")
    metrics.get_meter("test").create_counter("goals").add(2, {"tenant_id": "acme"})
    flush()
    assert sink.span("work").resource["service.name"] == "shop"
    assert sink.log("paid").attributes["amount"] == 12
    assert sink.log("paid").item.trace_id == sink.span("work").item.trace_id
    assert sink.log("low on stock").scope == "plain"
    (goals,) = [metric for metric in sink.metrics if metric.name == "goals"]
    assert goals.item.sum.data_points[0].as_int == 2
