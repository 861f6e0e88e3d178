"""What is bound stands on every line and span within, and ends where it should."""

from __future__ import annotations

import asyncio

from opentelemetry import trace


def test_bound_values_stand_on_logs_and_spans(sonde, sink, flush, lines):
    work = trace.get_tracer("test").start_as_current_span
    with sonde.context(tenant_id="acme", user_id="ada", request_id="r-1"), work("inside"):
        sonde.get_logger().info("hello")
    with work("outside"):
        pass
    flush()
    bound = {"tenant_id": "acme", "user_id": "ada", "request_id": "r-1"}
    assert sink.log("hello").attributes == bound
    assert sink.span("inside").attributes == {"tenant_id": "acme", "user.id": "ada", "request_id": "r-1"}
    assert sink.span("outside").attributes == {}
    (line,) = lines()
    assert bound.items() <= line.items()


def test_bind_reaches_the_span_that_is_open_already(sonde, sink, flush):
    with trace.get_tracer("test").start_as_current_span("work"), sonde.context():
        sonde.bind(user_id=7, order={"id": 1})
    flush()
    assert sink.span("work").attributes == {"user.id": 7, "order": "{'id': 1}"}


def test_a_span_keeps_what_it_says_itself(sonde, sink, flush):
    with sonde.context(user_id="ada"), sonde.rag_trace(query="q", user_id="grace"):
        pass
    flush()
    assert sink.span("rag retrieve").attributes["user.id"] == "grace"


def test_tasks_do_not_see_each_others_values(clean_process):
    import sonde
    from sonde.sdk.context import current

    async def work(name: str) -> str:
        sonde.bind(user_id=name)
        await asyncio.sleep(0)
        return str(current()["user_id"])

    async def both() -> list[str]:
        return await asyncio.gather(work("ada"), work("grace"))

    assert asyncio.run(both()) == ["ada", "grace"]
    assert dict(current()) == {}


def test_the_current_trace_id_is_what_feedback_takes(sonde, sink, flush):
    assert sonde.current_trace_id() is None
    with trace.get_tracer("test").start_as_current_span("work"):
        trace_id = sonde.current_trace_id()
    flush()
    assert sink.span("work").item.trace_id.hex() == trace_id
