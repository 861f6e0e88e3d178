"""``@sonde.observe``: a span around every kind of function, which stays what it was."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from opentelemetry import trace


def test_a_call_is_a_span_and_nested_calls_are_its_children(sonde, sink, flush):
    @sonde.observe
    def inner(number):
        return number + 1

    @sonde.observe(name="outer", attributes={"team": "coach"})
    def outer():
        """Says what it does."""
        return inner(1)

    assert outer() == 2
    assert outer.__doc__ == "Says what it does."
    flush()
    child, parent = sink.spans
    assert child.name.endswith("<locals>.inner")
    assert child.item.parent_span_id == parent.item.span_id
    assert (parent.name, parent.attributes["team"]) == ("outer", "coach")
    assert parent.attributes["code.function.name"].endswith("<locals>.outer")


def test_an_exception_marks_the_span_and_goes_on(sonde, sink, flush):
    @sonde.observe(name="work")
    def work():
        raise LookupError("gone")

    with pytest.raises(LookupError):
        work()
    flush()
    assert sink.span("work").item.status.code == 2


async def test_coroutines(sonde, sink, flush):
    @sonde.observe(name="work")
    async def work():
        await asyncio.sleep(0)
        return sonde.current_trace_id()

    assert inspect.iscoroutinefunction(work)
    assert await work() is not None
    flush()
    assert sink.span("work")


def test_a_generators_span_is_current_only_while_the_generator_works(sonde, sink, flush):
    @sonde.observe(name="work")
    def work():
        got = yield sonde.current_trace_id()
        try:
            yield got
        except LookupError:
            yield "caught"
        return "result"

    assert inspect.isgeneratorfunction(work)
    steps = work()
    inside = next(steps)
    assert inside is not None
    assert sonde.current_trace_id() is None
    assert steps.send("sent") == "sent"
    assert steps.throw(LookupError()) == "caught"
    with pytest.raises(StopIteration) as stop:
        next(steps)
    assert stop.value.value == "result"
    flush()
    assert sink.span("work").item.trace_id.hex() == inside
    assert sink.span("work").item.status.code == 0


async def test_async_generators(sonde, sink, flush):
    @sonde.observe(name="work")
    async def work():
        yield 1
        with trace.get_tracer("test").start_as_current_span("inner"):
            await asyncio.sleep(0)
        yield 2

    assert inspect.isasyncgenfunction(work)
    assert [item async for item in work()] == [1, 2]
    half = work()
    assert await anext(half) == 1
    await half.aclose()
    flush()
    assert [span.name for span in sink.spans] == ["inner", "work", "work"]
    assert sink.spans[0].item.parent_span_id == sink.spans[1].item.span_id
