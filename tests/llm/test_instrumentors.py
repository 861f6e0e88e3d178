"""Spans of the genuine OpenAI SDK with genuine instrumentations become calls with the right tokens, cost and words."""

from __future__ import annotations

import openai
import pytest
from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInference
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor as GenAI
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.llm.openai_stub import openai_stub

from sonde.llm.calls import COLUMNS, llm_call_rows
from sonde.llm.prices import Prices
from sonde.llm.span import Event, LlmSpan

TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}]
ASKED = [{"role": "system", "content": "You are terse."}, {"role": "user", "content": "Weather in Oslo?"}]


def llm_span(span: ReadableSpan) -> LlmSpan:
    assert span.start_time is not None
    assert span.end_time is not None
    return LlmSpan(
        tenant="default",
        trace_id=f"{span.context.trace_id:032x}",
        span_id=f"{span.context.span_id:016x}",
        parent_span_id=f"{span.parent.span_id:016x}" if span.parent else "",
        service="shop",
        name=span.name,
        start_unix_nano=span.start_time,
        duration_nano=span.end_time - span.start_time,
        status_code=span.status.status_code.name.lower(),
        status_message=span.status.description or "",
        scope_name=span.instrumentation_scope.name if span.instrumentation_scope else "",
        attributes=dict(span.attributes or {}),
        resource=dict(span.resource.attributes),
        events=[Event(event.name, event.timestamp, dict(event.attributes or {})) for event in span.events],
    )


@pytest.fixture(params=[GenAI, OpenInference], ids=["genai", "openinference"])
def spans(request, monkeypatch):
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    instrumentor = request.param()
    instrumentor.instrument(tracer_provider=provider)
    yield exporter
    instrumentor.uninstrument()
    provider.shutdown()


@pytest.fixture
def client():
    with openai_stub() as url, openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def prices() -> Prices:
    return Prices()


def only_call(spans, prices):
    [row] = llm_call_rows([llm_span(span) for span in spans.get_finished_spans()], prices)
    return dict(zip(COLUMNS, row, strict=True))


def test_a_chat(spans, client, prices):
    client.chat.completions.create(model="gpt-4o-mini", messages=ASKED, temperature=0.2)
    call = only_call(spans, prices)
    assert call["usage"] == {"input": 176, "input_cache_read": 1024, "output": 30, "output_reasoning": 20}
    assert call["cost_usd"] == 0.0001332
    assert (call["model"], call["model_requested"], call["provider"]) == (
        "gpt-4o-mini-2024-07-18",
        "gpt-4o-mini",
        "openai",
    )
    assert (call["prompt_preview"], call["completion_preview"]) == ("Weather in Oslo?", "It rains in Oslo.")
    assert (call["type"], call["success"], call["finish_reason"], call["streamed"]) == ("chat", True, "stop", False)
    assert call["parameters"] == '{"temperature": 0.2}'


def test_a_tool_call(spans, client, prices):
    client.chat.completions.create(model="gpt-4o-mini", messages=ASKED, tools=TOOLS)
    assert only_call(spans, prices)["completion_preview"] == 'get_weather({"city": "Oslo"})'


def test_a_streamed_chat(spans, client, prices):
    options = {"include_usage": True}
    for _ in client.chat.completions.create(model="gpt-4o-mini", messages=ASKED, stream=True, stream_options=options):
        pass
    call = only_call(spans, prices)
    assert call["streamed"]
    assert 0 < call["time_to_first_token_nano"] <= call["duration_nano"]
    assert (call["cost_usd"], call["completion_preview"]) == (0.0001332, "It rains in Oslo.")


def test_an_embedding(spans, client, prices):
    client.embeddings.create(model="text-embedding-3-small", input="hello", encoding_format="float")
    call = only_call(spans, prices)
    assert (call["type"], call["usage"], call["cost_usd"]) == ("embeddings", {"input": 8}, 1.6e-07)


def test_a_response(spans, client, prices):
    client.responses.create(model="gpt-4o-mini", input="Weather in Oslo?", instructions="You are terse.")
    call = only_call(spans, prices)
    assert call["usage"] == {"input": 176, "input_cache_read": 1024, "output": 30, "output_reasoning": 20}
    assert (call["prompt_preview"], call["completion_preview"]) == ("Weather in Oslo?", "It rains in Oslo.")


def test_a_failed_call_is_unpriced(spans, client, prices):
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="busy", messages=ASKED)
    call = only_call(spans, prices)
    assert (call["success"], call["error_type"], call["cost_usd"]) == (False, "openai.RateLimitError", None)
    assert "Rate limit reached" in call["error_message"]
    assert call["model"] == "busy"
