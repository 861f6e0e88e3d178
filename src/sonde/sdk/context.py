"""Who and what the current work is about: values bound here stand on every log line and every span made within.

``tenant_id``, ``user_id``, ``session_id`` and ``request_id`` are the names the rest of Sonde knows. Values follow the
execution context (task or thread), as ``contextvars`` does. Read by ``logs.journal`` and by ``providers`` when a span
starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import MappingProxyType
from typing import TYPE_CHECKING

from sonde.sdk.guard import guard

if TYPE_CHECKING:
    from opentelemetry.context import Context

# Spans use the names of the semantic conventions where these have one.
SPAN_NAMES: Mapping[str, str] = MappingProxyType({"user_id": "user.id", "session_id": "session.id"})

_NOTHING: Mapping[str, object] = MappingProxyType({})
_bound: ContextVar[Mapping[str, object]] = ContextVar("sonde", default=_NOTHING)


def current() -> Mapping[str, object]:
    """What is bound here and now."""
    return _bound.get()


def bind(**values: object) -> None:
    """Put values on every log line and span from here on, and on the span that is open now.

    Inside a request the values end with it.

    >>> bind(tenant_id="acme", user_id="ada")
    >>> dict(current())
    {'tenant_id': 'acme', 'user_id': 'ada'}
    >>> unbind("tenant_id", "user_id")
    """
    _bound.set({**_bound.get(), **values})
    with guard("sdk.bind"):
        _stamp_open_span(values)


def unbind(*names: str) -> None:
    """Take values off again."""
    _bound.set({name: value for name, value in _bound.get().items() if name not in names})


@contextmanager
def context(**values: object) -> Iterator[None]:
    """Bind values for the length of a block.

    >>> with context(request_id="r-1"):
    ...     dict(current())
    {'request_id': 'r-1'}
    >>> dict(current())
    {}
    """
    token = push(**values)
    try:
        yield
    finally:
        pop(token)


def push(**values: object) -> Token[Mapping[str, object]]:
    """Bind until ``pop`` is called with the token."""
    return _bound.set({**_bound.get(), **values})


def pop(token: Token[Mapping[str, object]]) -> None:
    """Back to what was bound before; harmless when called from another context, as a generator's finaliser may."""
    with guard("sdk.context"):
        _bound.reset(token)


def current_trace_id() -> str | None:
    """The trace id of the current span in hex, as ``feedback`` takes it; None outside of any span."""
    from opentelemetry import trace

    span_context = trace.get_current_span().get_span_context()
    return f"{span_context.trace_id:032x}" if span_context.is_valid else None


class Attached:
    """An OpenTelemetry context that is current from now until ``end``.

    A block around a ``yield`` may end in another thread or task than it began in, where there is nothing to put back.
    """

    __slots__ = ("_context", "_token")

    def __init__(self, context: Context) -> None:
        from opentelemetry import context as otel_context

        self._context = context
        self._token = otel_context.attach(context)

    def end(self) -> None:
        """Back to the context before, if this one is current here."""
        from opentelemetry import context as otel_context

        if otel_context.get_current() is self._context:
            otel_context.detach(self._token)


def _stamp_open_span(values: Mapping[str, object]) -> None:
    from opentelemetry import trace

    span = trace.get_current_span()
    if span.is_recording():
        for name, value in values.items():
            span.set_attribute(
                SPAN_NAMES.get(name, name), value if isinstance(value, str | int | float) else str(value)
            )
