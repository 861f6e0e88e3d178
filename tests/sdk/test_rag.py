"""``sonde.rag_trace``: one retrieval, as a call or as a block."""

from __future__ import annotations

import json

import pytest
from opentelemetry import trace


def test_as_a_call_it_is_recorded_at_once_within_the_trace(sonde, sink, flush):
    with trace.get_tracer("test").start_as_current_span("request"):
        sonde.rag_trace(
            query="red shoes",
            filters={"price": {"max": 50}},
            candidates=[{"id": 1, "score": 0.9}, "shoe-2"],
            recommendation={"id": 1},
            config_version="v3",
            user_id="ada",
        )
    flush()
    span = sink.span("rag retrieve")
    assert span.item.parent_span_id == sink.span("request").item.span_id
    assert span.item.start_time_unix_nano == span.item.end_time_unix_nano
    assert json.loads(span.attributes.pop("sonde.rag.filters")) == {"price": {"max": 50}}
    assert json.loads(span.attributes.pop("sonde.rag.candidates")) == [{"id": 1, "score": 0.9}, "shoe-2"]
    assert span.attributes == {
        "sonde.rag.query": "red shoes",
        "sonde.rag.recommendation": '{"id":1}',
        "sonde.rag.config_version": "v3",
        "user.id": "ada",
    }


def test_as_a_block_it_lasts_and_takes_what_is_found(sonde, sink, flush):
    with sonde.rag_trace(query="q", name="products") as rag:
        rag.candidates(["a", "b"])
        rag.recommendation("a")
        rag.set("index", "v7")
        assert rag.trace_id == sonde.current_trace_id()
    flush()
    span = sink.span("rag products")
    assert span.item.end_time_unix_nano > span.item.start_time_unix_nano
    assert span.attributes == {
        "sonde.rag.query": "q",
        "sonde.rag.candidates": '["a","b"]',
        "sonde.rag.recommendation": "a",
        "index": "v7",
    }


def test_an_exception_marks_it_as_failed_and_goes_on(sonde, sink, flush):
    with pytest.raises(LookupError), sonde.rag_trace(query="q"):
        raise LookupError("no index")
    flush()
    assert sink.span("rag retrieve").item.status.message == "LookupError: no index"


async def test_it_works_in_coroutines(sonde, sink, flush):
    async with sonde.rag_trace(query="q"):
        pass
    flush()
    assert sink.span("rag retrieve")
