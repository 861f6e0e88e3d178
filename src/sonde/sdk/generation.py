"""``sonde.llm_call()``: one call of a language model as one span with the GenAI conventions' attributes.

For clients that no instrumentation knows, or to add who and what for to those that one does: the instrumented call
inside the block then makes no second span, and what it learned (model, tokens, finish reason) completes this one.

Specification: https://github.com/open-telemetry/semantic-conventions-genai (client inference spans)
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Self

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from sonde.sdk.configure import captures_content
from sonde.sdk.context import Attached
from sonde.sdk.guard import guard
from sonde.sdk.messages import Messages, to_json, to_parts

_tracer = trace.get_tracer("sonde.llm")

# Parameters of a request that have a conventional name; others stand as gen_ai.request.<name> too.
_USAGE: Mapping[str, str] = MappingProxyType(
    {
        "input_tokens": "gen_ai.usage.input_tokens",
        "output_tokens": "gen_ai.usage.output_tokens",
        "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
        "cache_write_tokens": "gen_ai.usage.cache_write.input_tokens",
        "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    }
)

# What an instrumented client inside the block publishes → where it belongs, if the caller did not say it.
_LEARNED: Mapping[str, str] = MappingProxyType(
    {
        "usage_input_tokens": "gen_ai.usage.input_tokens",
        "usage_output_tokens": "gen_ai.usage.output_tokens",
        "usage_cache_read_input_tokens": "gen_ai.usage.cache_read.input_tokens",
        "usage_cache_write_input_tokens": "gen_ai.usage.cache_write.input_tokens",
        "usage_reasoning_output_tokens": "gen_ai.usage.reasoning.output_tokens",
        "response_model": "gen_ai.response.model",
        "response_id": "gen_ai.response.id",
        "response_finish_reasons": "gen_ai.response.finish_reasons",
        "response_time_to_first_chunk": "gen_ai.response.time_to_first_chunk",
        "request_stream": "gen_ai.request.stream",
        "request_temperature": "gen_ai.request.temperature",
        "request_max_tokens": "gen_ai.request.max_tokens",
        "request_top_p": "gen_ai.request.top_p",
        "server_address": "server.address",
        "server_port": "server.port",
        "error_type": "error.type",
    }
)


class Generation:
    """A call of a language model in progress; see ``llm_call``. Use it with ``with`` or ``async with``."""

    def __init__(self, name: str, attributes: dict[str, Any]) -> None:
        self._name = name
        self._attributes = attributes
        self._said: set[str] = set(attributes)
        self._span: trace.Span = trace.INVALID_SPAN
        self._attached: Attached | None = None
        self._learned: Any = None
        self._started = 0.0

    @property
    def trace_id(self) -> str:
        """The trace this call belongs to, as ``sonde.feedback`` takes it."""
        return f"{self._span.get_span_context().trace_id:032x}"

    @property
    def span_id(self) -> str:
        """This call's own span."""
        return f"{self._span.get_span_context().span_id:016x}"

    def response(
        self,
        content: Messages | None = None,
        *,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cached_tokens: int | None = None,
        cache_write_tokens: int | None = None,
        reasoning_tokens: int | None = None,
        model: str | None = None,
        finish_reason: str | None = None,
        response_id: str | None = None,
    ) -> None:
        """Say what came back.

        ``input_tokens`` counts all of the prompt, cached or not, and ``output_tokens`` all of the answer, reasoning
        included (as OpenAI reports them); the others are parts of those. Anthropic reports cached tokens beside its
        input tokens: add them up.
        """
        with guard("sdk.llm_call.response"):
            counts = {
                "input_tokens": input_tokens,
                "output_tokens": output_tokens,
                "cached_tokens": cached_tokens,
                "cache_write_tokens": cache_write_tokens,
                "reasoning_tokens": reasoning_tokens,
            }
            for name, count in counts.items():
                if count is not None:
                    self._set(_USAGE[name], int(count))
            if model:
                self._set("gen_ai.response.model", model)
            if finish_reason:
                self._set("gen_ai.response.finish_reasons", (finish_reason,))
            if response_id:
                self._set("gen_ai.response.id", response_id)
            if content is not None and captures_content():
                self._set(
                    "gen_ai.output.messages", to_json(content, role="assistant", finish_reason=finish_reason or "")
                )

    def first_token(self) -> None:
        """The first piece of a streamed answer is here; later calls change nothing."""
        with guard("sdk.llm_call.first_token"):
            if "gen_ai.response.time_to_first_chunk" not in self._said:
                self._set("gen_ai.response.time_to_first_chunk", time.perf_counter() - self._started)
                self._set("gen_ai.request.stream", True)

    def error(self, error: BaseException | str) -> None:
        """The call failed, and the program deals with it; an exception that leaves the block needs no such word."""
        with guard("sdk.llm_call.error"):
            if isinstance(error, BaseException):
                kind = type(error)
                name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
                self._span.record_exception(error)
                self._set("error.type", name)
                self._span.set_status(StatusCode.ERROR, str(error))
            else:
                self._set("error.type", "_OTHER")
                self._span.set_status(StatusCode.ERROR, error)

    def set(self, name: str, value: str | float | bool) -> None:
        """An attribute of your own."""
        with guard("sdk.llm_call.set"):
            self._set(name, value)

    def _set(self, name: str, value: Any) -> None:
        self._said.add(name)
        self._span.set_attribute(name, value)

    def __enter__(self) -> Self:
        with guard("sdk.llm_call"):
            self._started = time.perf_counter()
            self._span = _tracer.start_span(self._name, kind=SpanKind.CLIENT, attributes=self._attributes)
            context = trace.set_span_in_context(self._span)
            genai: Any = sys.modules.get("opentelemetry.util.genai.invocation")
            if genai is not None:
                self._learned = genai.InferenceData(capture_content=captures_content())
                context = otel_context.set_value(genai.CLIENT_INFERENCE_CONTEXT_KEY, self._learned, context)
            self._attached = Attached(context)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, GeneratorExit):
            self.error(error)
        with guard("sdk.llm_call.learned"):
            self._complete()
        with guard("sdk.llm_call.end"):
            if self._attached is not None:
                self._attached.end()
            self._span.end()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, stack)

    def _complete(self) -> None:
        """Take over what an instrumented client inside the block has learned and the caller has not said."""
        if self._learned is None:
            return
        for source, name in _LEARNED.items():
            value = getattr(self._learned, source, None)
            if value is not None and name not in self._said:
                self._set(name, value)
        for source in ("input_messages", "output_messages"):
            messages, name = getattr(self._learned, source, None), f"gen_ai.{source.replace('_', '.')}"
            if messages and name not in self._said and captures_content():
                from opentelemetry.util.genai.utils import gen_ai_json_dumps

                self._set(name, gen_ai_json_dumps(list(messages)))


def llm_call(
    model: str,
    *,
    provider: str = "",
    function: str = "",
    operation: str = "chat",
    prompt: Messages | None = None,
    system: str | None = None,
    parameters: Mapping[str, object] | None = None,
    user_id: str | None = None,
    session_id: str | None = None,
    prompt_name: str | None = None,
    prompt_version: str | None = None,
    tags: Iterable[str] = (),
) -> Generation:
    """Record one call of a language model: latency, tokens, cost, prompt and answer.

        with sonde.llm_call(model="gpt-4o-mini", provider="openai", function="answer", prompt=question) as call:
            answer = client.ask(question)
            call.response(answer.text, input_tokens=answer.input_tokens, output_tokens=answer.output_tokens)

    One block, one call. An exception that leaves the block marks the call as failed and goes on to the caller.

    Args:
        model: as requested; with ``provider`` it decides the price.
        provider: "openai", "anthropic", "gcp.gemini", "mistral_ai", ... as the GenAI conventions name them.
        function: which function of your program asks, to group cost and latency by.
        operation: "chat", "text_completion", "embeddings", ...
        prompt: text, or messages as the provider's client takes them. Kept unless content capture is off.
        system: the system instructions.
        parameters: of the request: temperature, max_tokens, top_p, seed, ...
        user_id: who it is for; else what ``sonde.bind(user_id=...)`` has bound.
        session_id: the conversation it belongs to; else what is bound.
        prompt_name: which prompt of a prompt registry was used.
        prompt_version: and which version of it.
        tags: labels of your own.
    """
    attributes: dict[str, Any] = {"gen_ai.operation.name": operation, "gen_ai.request.model": model}
    with guard("sdk.llm_call"):
        given = {
            "gen_ai.provider.name": provider,
            "sonde.function": function,
            "user.id": user_id,
            "session.id": session_id,
            "gen_ai.conversation.id": session_id,
            "gen_ai.prompt.name": prompt_name,
            "gen_ai.prompt.version": prompt_version,
        }
        attributes |= {name: str(value) for name, value in given.items() if value}
        for name, value in (parameters or {}).items():
            attributes[f"gen_ai.request.{name}"] = value if isinstance(value, str | int | float) else str(value)
        if labels := tuple(map(str, tags)):
            attributes["sonde.tags"] = labels
        if captures_content():
            if prompt is not None:
                attributes["gen_ai.input.messages"] = to_json(prompt, role="user")
            if system:
                attributes["gen_ai.system_instructions"] = to_parts(system)
    return Generation(f"{operation} {model}", attributes)
