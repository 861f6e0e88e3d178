"""``sonde.instrument()``: spans and metrics from the libraries that a program uses, through OpenTelemetry's
instrumentations.

``LIBRARIES`` is the table: one row, one library, one instrumentor. A library is instrumented when it is imported. One
that is used while its instrumentation is not installed is named once in the log, with the cure. Standard logging,
structlog and loguru need no row: ``configure`` reads them.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import logging
import os
import sys
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from sonde.sdk import asgi, configure
from sonde.sdk.guard import guard
from sonde.sdk.import_hook import when_imported

_log = logging.getLogger("sonde.sdk")
_CURE = "pip install 'sonde[instrument]'"
_FLUSH_AT_STOP_SECONDS = 3.0
_SEMCONV = "OTEL_SEMCONV_STABILITY_OPT_IN"
_CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"

AppT = TypeVar("AppT")


def _by_opentelemetry(library: Library) -> None:
    instrumentor = _load(library.instrumentor)()
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument(skip_dep_check=library.newer_is_fine, raise_exception_on_conflict=True)


def _fastapi(library: Library) -> None:
    module = sys.modules["fastapi"]
    asgi.wrap_class(module.FastAPI, asgi.instrument_fastapi if _is_installed(library) else asgi.leave, _flush)
    if not importlib.util.find_spec("fastapi.telemetry"):  # later versions make spans themselves when nobody else does
        _load(library.instrumentor)


def _starlette(library: Library) -> None:
    module = sys.modules["starlette.applications"]
    asgi.wrap_class(module.Starlette, asgi.instrument_starlette if _is_installed(library) else asgi.leave, _flush)
    _load(library.instrumentor)


@dataclass(frozen=True, slots=True)
class Library:
    """One row: when ``module`` has been imported, ``instrumentor`` ("module:Class") of ``package`` instruments it.

    ``rivals`` instrument the same library; where one of them is loaded, the library is left to it, or each call would
    be two spans. ``newer_is_fine``: tested by us with a later version than the package claims to
    support. ``is_ours_too``: Sonde imports it itself, so its import says nothing about the program.
    """

    module: str
    package: str
    instrumentor: str
    rivals: tuple[str, ...] = ()
    newer_is_fine: bool = False
    is_ours_too: bool = False
    install: Callable[[Library], None] = _by_opentelemetry


def _row(module: str, name: str, instrumentor: str, **more: Any) -> Library:
    path = name.replace("genai-", "genai.").replace("-", "_")
    return Library(
        module, f"opentelemetry-instrumentation-{name}", f"opentelemetry.instrumentation.{path}:{instrumentor}", **more
    )


_SQLALCHEMY = ("sqlalchemy",)  # whose spans say more; the driver's would say each query twice

LIBRARIES: tuple[Library, ...] = (
    _row("fastapi", "fastapi", "FastAPIInstrumentor", install=_fastapi),
    _row("starlette.applications", "asgi", "OpenTelemetryMiddleware", install=_starlette),
    _row("flask", "flask", "FlaskInstrumentor"),
    _row("httpx", "httpx", "HTTPXClientInstrumentor"),
    _row("httpx2", "httpx", "HTTPX2ClientInstrumentor"),
    _row("requests", "requests", "RequestsInstrumentor", is_ours_too=True),
    _row("aiohttp", "aiohttp-client", "AioHttpClientInstrumentor"),
    _row("sqlalchemy", "sqlalchemy", "SQLAlchemyInstrumentor", newer_is_fine=True),
    _row("psycopg", "psycopg", "PsycopgInstrumentor", rivals=_SQLALCHEMY),
    _row("asyncpg", "asyncpg", "AsyncPGInstrumentor", rivals=_SQLALCHEMY),
    _row("redis", "redis", "RedisInstrumentor"),
    _row("celery", "celery", "CeleryInstrumentor"),
    _row(
        "openai",
        "genai-openai",
        "OpenAIInstrumentor",
        rivals=(
            "opentelemetry.instrumentation.openai",
            "opentelemetry.instrumentation.openai_v2",
            "openinference.instrumentation.openai",
            "langfuse.openai",
        ),
    ),
    _row(
        "anthropic",
        "genai-anthropic",
        "AnthropicInstrumentor",
        rivals=("opentelemetry.instrumentation.anthropic", "openinference.instrumentation.anthropic"),
    ),
    _row(
        "langchain_core.callbacks",
        "genai-langchain",
        "LangChainInstrumentor",
        rivals=("opentelemetry.instrumentation.langchain", "openinference.instrumentation.langchain"),
    ),
    _row(
        "google.genai",
        "google-genai",
        "GoogleGenAiSdkInstrumentor",
        rivals=("openinference.instrumentation.google_genai",),
    ),
)


@overload
def instrument(app: None = None) -> None: ...
@overload
def instrument(app: AppT) -> AppT: ...
def instrument(app: AppT | None = None) -> AppT | None:
    """Trace what the libraries of this program do; idempotent, and before or after they are imported.

    FastAPI and Starlette applications get a server span for each request and a request id, whether they are given here
    or not. Any other ASGI application has to be given, and comes back wrapped:

        app = sonde.instrument(app)

    Returns:
        The application to serve: the given one, or what wraps it.
    """
    with guard("sdk.instrument"):
        _choose_conventions(os.environ)
        for library in LIBRARIES:
            when_imported(library.module, _installer(library))
    if app is not None:
        with guard("sdk.instrument.app"):
            app = _instrument_app(app)
    return app


def _installer(library: Library) -> Callable[[], None]:
    def install() -> None:
        rival = next((name for name in library.rivals if name in sys.modules), None)
        if rival is not None:
            _log.info("%s is left to %s, which traces it already", library.module, rival)
            return
        try:
            library.install(library)
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("opentelemetry"):
                raise
            if not library.is_ours_too:
                _say_once(f"{library.module} is in use but not traced: {_CURE}")
        except Exception as error:
            if type(error).__name__ != "DependencyConflictError":
                raise
            _say_once(
                f"{library.module} is in use but not traced: {library.package} does not support its version ({error})"
            )

    return install


_said: set[str] = set()


def _say_once(text: str) -> None:
    if text not in _said:
        _said.add(text)
        _log.warning(text)


def _is_installed(library: Library) -> bool:
    try:
        return importlib.util.find_spec(library.instrumentor.partition(":")[0]) is not None
    except ModuleNotFoundError:
        return False


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def _instrument_app(app: Any) -> Any:
    starlette, flask = sys.modules.get("starlette.applications"), sys.modules.get("flask")
    if starlette is not None and isinstance(app, starlette.Starlette):
        if app.middleware_stack is not None:
            app.middleware_stack = app.build_middleware_stack()  # it serves already: build its chain again, with ours
        return app
    if flask is not None and isinstance(app, flask.Flask):
        if not getattr(app, "_is_instrumented_by_opentelemetry", False):
            _load("opentelemetry.instrumentation.flask:FlaskInstrumentor").instrument_app(app)
        return app
    if inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(getattr(app, "__call__", None)):  # noqa: B004
        return asgi.RequestContext(asgi.trace_requests(app), _flush)
    _log.warning("sonde.instrument: %r is no FastAPI, Starlette, Flask or other ASGI application; left alone", app)
    return app


def _choose_conventions(environ: MutableMapping[str, str]) -> None:
    """Stable HTTP and database names and the current gen_ai ones, unless the host has chosen; contents as configured.

    >>> environ = {"OTEL_SEMCONV_STABILITY_OPT_IN": "http/dup"}
    >>> _choose_conventions(environ); environ["OTEL_SEMCONV_STABILITY_OPT_IN"]
    'http/dup,database,gen_ai_latest_experimental'
    """
    chosen = [word.strip() for word in environ.get(_SEMCONV, "").split(",") if word.strip()]
    families = {word.partition("/")[0] for word in chosen}
    wanted = ("http", "database", "gen_ai_latest_experimental")
    environ[_SEMCONV] = ",".join([*chosen, *(word for word in wanted if word not in families)])
    environ.setdefault(_CONTENT, "SPAN_ONLY" if configure.captures_content() else "NO_CONTENT")


def _flush() -> None:
    handle = configure.active()
    if handle is not None:
        handle.flush(_FLUSH_AT_STOP_SECONDS)
