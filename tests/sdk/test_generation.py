"""``sonde.llm_call``: one call, one span that says all of it."""

from __future__ import annotations

import json

import pytest


def test_a_call_says_what_was_asked_what_came_back_and_what_it_used(sonde, sink, flush):
    with sonde.llm_call(
        model="gpt-4o-mini",
        provider="openai",
        function="answer",
        prompt="Why is the sky blue?",
        system="Be brief.",
        parameters={"temperature": 0.2, "max_tokens": 100},
        user_id="ada",
        session_id="s-1",
        prompt_name="answer",
        prompt_version="3",
        tags=["demo"],
    ) as call:
        call.first_token()
        call.response(
            "Scattering.",
            input_tokens=20,
            output_tokens=5,
            cached_tokens=10,
            reasoning_tokens=2,
            model="gpt-4o-mini-2024-07-18",
            finish_reason="stop",
            response_id="c1",
        )
        trace_id = call.trace_id
    flush()
    span = sink.span("chat gpt-4o-mini")
    attributes = dict(span.attributes)
    assert 0 <= attributes.pop("gen_ai.response.time_to_first_chunk") < 5
    assert json.loads(attributes.pop("gen_ai.input.messages")) == [
        {"role": "user", "parts": [{"type": "text", "content": "Why is the sky blue?"}]}
    ]
    assert json.loads(attributes.pop("gen_ai.output.messages")) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Scattering."}], "finish_reason": "stop"}
    ]
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.max_tokens": 100,
        "gen_ai.request.stream": True,
        "gen_ai.system_instructions": '[{"type":"text","content":"Be brief."}]',
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "c1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 20,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 10,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "gen_ai.conversation.id": "s-1",
        "gen_ai.prompt.name": "answer",
        "gen_ai.prompt.version": "3",
        "session.id": "s-1",
        "user.id": "ada",
        "sonde.function": "answer",
        "sonde.tags": ["demo"],
    }
    assert span.item.kind == span.item.SPAN_KIND_CLIENT
    assert span.item.trace_id.hex() == trace_id


def test_an_exception_marks_the_call_as_failed_and_goes_on(sonde, sink, flush):
    with pytest.raises(TimeoutError), sonde.llm_call(model="m"):
        raise TimeoutError("too slow")
    flush()
    span = sink.span("chat m")
    assert span.attributes["error.type"] == "TimeoutError"
    assert (span.item.status.code, span.item.status.message) == (2, "too slow")


def test_a_failure_that_the_program_deals_with_can_be_told(sonde, sink, flush):
    with sonde.llm_call(model="m") as call:
        call.error("the answer was no JSON")
    flush()
    assert sink.span("chat m").item.status.message == "the answer was no JSON"


async def test_it_works_in_coroutines_and_parents_what_happens_inside(sonde, sink, flush):
    async with sonde.llm_call(model="m"):
        with sonde.rag_trace(query="q"):
            pass
    flush()
    assert sink.span("rag retrieve").item.parent_span_id == sink.span("chat m").item.span_id


def test_a_generator_may_end_it_elsewhere_than_it_began(sonde, sink, flush, caplog):
    import contextvars

    def stream():
        with sonde.llm_call(model="m") as call:
            yield "a"
            call.response("ab")

    pieces = stream()
    assert contextvars.copy_context().run(next, pieces) == "a"
    assert contextvars.copy_context().run(list, pieces) == []
    flush()
    assert "ab" in sink.span("chat m").attributes["gen_ai.output.messages"]
    assert not [record for record in caplog.records if "detach" in record.getMessage()]


def test_a_wrong_argument_costs_itself_and_not_the_host(clean_process, sink):
    import sonde
    from sonde.sdk.guard import failures

    handle = sonde.configure(service="shop", endpoint=sink.url, console=False)
    with sonde.llm_call(model="m", prompt=object(), parameters=3) as call:
        call.response(object(), input_tokens="many")
    assert handle.shutdown()
    assert sink.span("chat m")
    assert failures() == {"sdk.llm_call": 1, "sdk.llm_call.response": 1}


def test_contents_stay_at_home_when_capture_is_off(clean_process, sink):
    import sonde

    handle = sonde.configure(service="shop", endpoint=sink.url, console=False, capture_content=False)
    with sonde.llm_call(model="m", prompt="private", system="private") as call:
        call.response("private", input_tokens=1)
    assert handle.shutdown()
    assert sink.span("chat m").attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 1,
    }


def test_without_configure_nothing_happens(clean_process):
    import sonde

    with sonde.llm_call(model="m", prompt="p") as call:
        call.response("r")
    assert call.trace_id == "0" * 32
