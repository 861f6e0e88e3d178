"""``sonde.rag_trace()``: one retrieval (asked, found, recommended) as one span; it becomes a row of ``rag_traces``."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from opentelemetry import context as otel_context
from opentelemetry import trace

from sonde.sdk.context import Attached
from sonde.sdk.guard import guard
from sonde.sdk.logs.event import plain

_tracer = trace.get_tracer("sonde.rag")


class RagTrace:
    """A retrieval; see ``rag_trace``. As a block it lasts as long as the block, else it is recorded as one moment."""

    def __init__(self, name: str, attributes: dict[str, Any]) -> None:
        self._name = name
        self._attributes = attributes
        self._created_unix_nano = time.time_ns()
        self._parent = otel_context.get_current()
        self._span: trace.Span | None = None
        self._attached: Attached | None = None

    @property
    def trace_id(self) -> str:
        """The trace it belongs to, as ``sonde.feedback`` takes it. Zeros outside of any trace and block."""
        span = self._span or trace.get_current_span(self._parent)
        return f"{span.get_span_context().trace_id:032x}"

    def candidates(self, candidates: Sequence[object]) -> None:
        """What was found, best first: texts, ids, or mappings with whatever describes them."""
        with guard("sdk.rag_trace"):
            self._set("sonde.rag.candidates", _json(candidates))

    def recommendation(self, recommendation: object) -> None:
        """What was chosen or said in the end."""
        with guard("sdk.rag_trace"):
            self._set("sonde.rag.recommendation", _text(recommendation))

    def set(self, name: str, value: str | float | bool) -> None:
        """An attribute of your own."""
        with guard("sdk.rag_trace"):
            self._set(name, value)

    def _set(self, name: str, value: Any) -> None:
        if self._span is None:
            self._attributes[name] = value
        else:
            self._span.set_attribute(name, value)

    def __enter__(self) -> Self:
        with guard("sdk.rag_trace"):
            self._span = _tracer.start_span(self._name, attributes=self._attributes)
            self._attached = Attached(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        with guard("sdk.rag_trace"):
            if self._attached is not None:
                self._attached.end()
            if self._span is not None:
                if error is not None:
                    self._span.record_exception(error)
                    self._span.set_status(trace.StatusCode.ERROR, f"{type(error).__name__}: {error}")
                self._span.end()

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, stack)

    def __del__(self) -> None:
        # Nobody entered it: a plain call, which is over as soon as its result is dropped, in CPython at once.
        if self._span is None:
            with guard("sdk.rag_trace"):
                at = self._created_unix_nano
                span = _tracer.start_span(self._name, context=self._parent, attributes=self._attributes, start_time=at)
                span.end(at)


def rag_trace(
    query: str,
    *,
    filters: Mapping[str, object] | None = None,
    candidates: Sequence[object] | None = None,
    recommendation: object = None,
    config_version: str | None = None,
    user_id: str | None = None,
    name: str = "retrieve",
) -> RagTrace:
    """Record one retrieval: what was asked, with which filters, what was found and what was recommended.

    Afterwards, in one call, or around the work:

        sonde.rag_trace(query=query, filters=filters, candidates=found, recommendation=best, config_version="v3")

        with sonde.rag_trace(query=query, filters=filters, config_version="v3") as rag:
            rag.candidates(found := search(query))
            rag.recommendation(choose(found))

    Args:
        query: what was searched for.
        filters: what the search was restricted to.
        candidates: what was found, best first.
        recommendation: what was chosen or said in the end.
        config_version: which configuration of the retrieval this was, to compare them by feedback.
        user_id: who it is for; else what ``sonde.bind(user_id=...)`` has bound.
        name: which of your retrievals this is; the span is called "rag <name>".
    """
    attributes: dict[str, Any] = {}
    with guard("sdk.rag_trace"):
        attributes["sonde.rag.query"] = str(query)
        if filters is not None:
            attributes["sonde.rag.filters"] = _json(filters)
        if candidates is not None:
            attributes["sonde.rag.candidates"] = _json(candidates)
        if recommendation is not None:
            attributes["sonde.rag.recommendation"] = _text(recommendation)
        if config_version is not None:
            attributes["sonde.rag.config_version"] = str(config_version)
        if user_id is not None:
            attributes["user.id"] = str(user_id)
    return RagTrace(f"rag {name}", attributes)


def _json(value: object) -> str:
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else _json(value)
