"""Puts the web together. ``sonde.app`` makes the surroundings and serves what ``create_app`` returns."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.telemetry import TelemetryConfig
from prometheus_client.exposition import choose_encoder
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse

from sonde.errors import NotFound
from sonde.query.adhoc import Gate
from sonde.telemetry.tenancy import Role
from sonde.web import alerting, clickhouse, docs_page, prometheus
from sonde.web.api import attributes, audit, feedback, llm, logs, metrics, overview, session, sql, status, traces
from sonde.web.asking import RunningQueries, sql_caller
from sonde.web.body_limit import BodyLimit
from sonde.web.errors import install_error_handlers
from sonde.web.measure import Measure
from sonde.web.prometheus.configured import Configured
from sonde.web.prometheus.lifecycle import pages
from sonde.web.security import Security
from sonde.web.site import Site
from sonde.web.surroundings import Surroundings

API_PREFIX: Final = "/api/v1"
MAX_BODY_BYTES: Final = 4 << 20
# FastAPI traces every request by itself; Sonde measures its own requests in ``measure``, and would feed on itself.
NO_TELEMETRY: Final[TelemetryConfig] = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False}
# Paths that are no page of ours: an unknown one below them is a mistake to be told, not the UI.
_NOT_PAGES: Final = (
    "api/",
    "clickhouse",
    "prometheus/",
    "loki/",
    "tempo/",
    "jaeger/",
    "otlp/",
    "alertmanager/",
    "docs/",
)
_DESCRIPTION: Final = (
    "Times in requests are Unix seconds, RFC 3339 or now-1h; in answers *_unix_nano are decimal strings. "
    "X-Scope-OrgID names the tenant. Errors have the shape {error: {code, message, hint, position}}."
)


def create_app(
    surroundings: Surroundings,
    configured: Configured | None = None,
    alerts: alerting.Alerting | None = None,
) -> FastAPI:
    """The application of port 3000: API, SQL, UI, health and metrics.

    ``configured`` is what scraping and rules tell, ``alerts`` what rules and alerting do.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        fresh = asyncio.create_task(surroundings.keyring.keep_fresh())
        try:
            yield
        finally:
            fresh.cancel()

    app = FastAPI(
        title="Sonde",
        version=surroundings.version,
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        telemetry=NO_TELEMETRY,
    )
    app.state.surroundings = surroundings
    app.state.queries = RunningQueries()
    app.state.gate = Gate(surroundings.store)
    app.state.live_clients = set()
    for noun in (overview, traces, logs, metrics, llm, attributes, feedback, sql, status, session, audit):
        app.include_router(noun.router, prefix=API_PREFIX)
    clickhouse.install(app, surroundings.store, app.state.gate, limits=surroundings.limits)
    prometheus.install(app, configured)
    if alerts is not None:
        alerting.install(app, alerts, prefix=API_PREFIX)
    _install_health(app, surroundings)
    _install_docs(app)
    _install_site(app, Site(surroundings.static))
    install_error_handlers(app)
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES, prefixes=("/api/", "/clickhouse"))
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(
        Security, is_open=lambda: surroundings.authenticator.is_open, allowed_hosts=surroundings.allowed_hosts
    )
    app.add_middleware(Measure, metrics=surroundings.metrics)
    return app


def _install_health(app: FastAPI, surroundings: Surroundings) -> None:
    @app.get("/healthz", tags=["health"])
    async def healthz() -> PlainTextResponse:
        """200 while the process can answer at all."""
        return PlainTextResponse("ok\n")

    @app.get("/readyz", tags=["health"])
    async def readyz() -> JSONResponse:
        """200 once data is accepted; 503 with the reasons while it is not."""
        obstacles = list(surroundings.health.obstacles())
        return JSONResponse({"ready": not obstacles, "reasons": obstacles}, status_code=503 if obstacles else 200)

    @app.get("/metrics", tags=["health"])
    async def metrics(request: Request) -> Response:
        """Sonde's own metrics, in Prometheus' text format or OpenMetrics."""
        (await sql_caller(request)).require(Role.READ)
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        exposition = await asyncio.to_thread(encode, surroundings.metrics)
        return Response(exposition, headers={"content-type": content_type})


def _install_docs(app: FastAPI) -> None:
    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page.docs_page(app.openapi()))

    @app.get("/docs/style.css", include_in_schema=False)
    async def style() -> Response:
        return Response(docs_page.STYLE, media_type="text/css")


def _install_site(app: FastAPI, site: Site) -> None:
    @app.get("/alertmanager", include_in_schema=False)
    @app.get("/alertmanager/", include_in_schema=False)
    async def alerts() -> Response:
        """Where links in Alertmanager's own messages lead."""
        return RedirectResponse("/alerts")

    # where links of alerts lead
    app.get("/graph", include_in_schema=False)(pages)

    @app.get("/{path:path}", include_in_schema=False)
    async def page(request: Request, path: str) -> Response:
        if path.startswith(_NOT_PAGES):
            raise NotFound(f"there is nothing at /{path}", hint="see /docs")
        return site.answer(request, path)
