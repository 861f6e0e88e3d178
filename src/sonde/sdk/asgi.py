"""What a Starlette or FastAPI application gets: a server span for each request, and a request id in and out.

Installed by ``instrument`` on the classes, so applications made before and after are served alike. Each builds its
chain of middleware once, at its first request; ours goes around it:

    RequestContext ─► OpenTelemetry's server span ─► the application's own chain
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from sonde.sdk.context import pop, push
from sonde.sdk.guard import guard

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_INCOMING = (b"x-request-id", b"x-correlation-id")
_OUTGOING = b"x-request-id"
_ACCEPTABLE = re.compile(rb"[\x21-\x7e]{1,128}")
_MADE = "_sonde_chain"
_REQUEST = "sonde.request_id"
_EXCLUDED_SPANS = ["receive", "send"]  # one span for each ASGI message says nothing and doubles the cost


class RequestContext:
    """ASGI middleware: binds ``request_id`` for the request, takes it from ``X-Request-ID`` and gives it back there.

    What the request binds itself (``sonde.bind(user_id=...)``) ends with it. ``on_stop`` is called when the server has
    shut the application down, because servers that are stopped by a signal never reach ``atexit``.
    """

    def __init__(self, app: App, on_stop: Callable[[], object]) -> None:
        self.app = app  # the name by which FastAPI looks for an OpenTelemetry middleware, to make no spans itself
        self._on_stop = on_stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, self._stopping(send))
            return
        if scope.get(_REQUEST) is not None:  # mounted in an application that is served like this itself
            await self.app(scope, receive, send)
            return
        scope[_REQUEST] = request_id = _request_id(scope)
        header = (_OUTGOING, request_id.encode("latin-1"))

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                with guard("sdk.request_id"):
                    headers = list(message.get("headers") or ())
                    if not any(name.lower() == _OUTGOING for name, _ in headers):
                        message["headers"] = [*headers, header]
            await send(message)

        token = push(request_id=request_id)
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            pop(token)

    def _stopping(self, send: Send) -> Send:
        async def send_then_stop(message: Message) -> None:
            if message["type"] in {"lifespan.shutdown.complete", "lifespan.shutdown.failed"}:
                with guard("sdk.lifespan"):
                    self._on_stop()
            await send(message)

        return send_then_stop


def _request_id(scope: Scope) -> str:
    with guard("sdk.request_id"):
        for name, value in scope.get("headers") or ():
            if name in _INCOMING and _ACCEPTABLE.fullmatch(value):
                return str(value, "latin-1")
    return os.urandom(16).hex()


def wrap_class(owner: type, instrument_app: Callable[[Any], None], on_stop: Callable[[], object]) -> None:
    """Make every application of this class build its chain with ours around it.

    ``instrument_app`` puts OpenTelemetry's part on one application; it may replace ``build_middleware_stack`` on it.
    """
    original = vars(owner).get("build_middleware_stack")
    if original is None or hasattr(original, _MADE):
        return

    @functools.wraps(original)
    def build_middleware_stack(app: Any) -> App:
        if vars(app).get(_MADE):
            inner: App = original(app)
            return inner
        vars(app)[_MADE] = True
        with guard("sdk.instrument.app"):
            instrument_app(app)
        return RequestContext(app.build_middleware_stack(), on_stop)

    setattr(build_middleware_stack, _MADE, True)
    owner.build_middleware_stack = build_middleware_stack  # type: ignore[attr-defined]


def leave(_app: Any) -> None:
    """No part of OpenTelemetry's on this application: its instrumentation is not installed."""


def instrument_fastapi(app: Any) -> None:
    """OpenTelemetry's part on a FastAPI application. FastAPI's own spans, one for each step, then step aside."""
    from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

    if not _is_instrumented(app):
        FastAPIInstrumentor.instrument_app(app, exclude_spans=_EXCLUDED_SPANS)  # type: ignore[arg-type]


def instrument_starlette(app: Any) -> None:
    """OpenTelemetry's part on a plain Starlette application."""
    if not _is_instrumented(app):
        original = app.build_middleware_stack

        def build_middleware_stack() -> App:
            chain = original()
            if hasattr(chain, "app"):  # Starlette's outermost answers 500; when it raises again the span has ended
                chain.app = _RecordFailure(chain.app)
            return trace_requests(chain, _span_details)

        app.build_middleware_stack = build_middleware_stack
        app._is_instrumented_by_opentelemetry = True  # noqa: SLF001 - the mark that all instrumentations share


def _is_instrumented(app: Any) -> bool:
    """By the host, with any middleware of that name: OpenTelemetry's or Starlette's."""
    return getattr(app, "_is_instrumented_by_opentelemetry", False) or any(
        getattr(entry.cls, "__name__", "") == "OpenTelemetryMiddleware" for entry in app.user_middleware
    )


class _RecordFailure:
    """Puts an exception on the request's span while that is still open."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            with guard("sdk.request_failure"):
                from opentelemetry import trace

                trace.get_current_span().record_exception(error)
            raise


def trace_requests(app: App, span_details: Callable[[Scope], tuple[str, dict[str, str]]] | None = None) -> App:
    """Any ASGI application with a server span around each request."""
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

    wrapped: App = OpenTelemetryMiddleware(
        app,
        excluded_urls=os.environ.get("OTEL_PYTHON_EXCLUDED_URLS", ""),
        default_span_details=span_details,
        exclude_spans=_EXCLUDED_SPANS,  # type: ignore[arg-type]
    )
    return wrapped


def _span_details(scope: Scope) -> tuple[str, dict[str, str]]:
    """The name of a Starlette request's span: its method and the route's pattern, never the raw path."""
    method = scope.get("method", "HTTP" if scope["type"] == "http" else "")
    for route in scope["app"].routes:
        match, _ = route.matches(scope)
        path = getattr(route, "path", None)
        if match.name != "NONE" and path:
            return f"{method} {path}".strip(), {"http.route": path}
    return method or "websocket", {}
