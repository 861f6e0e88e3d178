"""Whether Sonde lives and is ready, and ``/-/reload``, in Prometheus' words; and where its pages have gone.

Specification: https://prometheus.io/docs/prometheus/latest/management_api/
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlencode

from fastapi import Request, Response
from starlette.responses import PlainTextResponse, RedirectResponse

from sonde.errors import UserError
from sonde.telemetry.tenancy import Role
from sonde.web.asking import Around, Reader
from sonde.web.prometheus.answer import router
from sonde.web.prometheus.configured import Given

EXPLORER: Final = "/metrics-explorer"
_EXPRESSION: Final = re.compile(r"g[0-9]+\.expr")
routes = router()


@routes.get("/", include_in_schema=False)
@routes.get("/graph", include_in_schema=False)
@routes.get("/query", include_in_schema=False)
async def pages(request: Request) -> Response:
    """Prometheus' own pages, whose expressions go along; clients ask for the first to see whether somebody is there."""
    asked = [("expr", text) for name, text in request.query_params.multi_items() if _EXPRESSION.fullmatch(name)]
    if request.query_params.get("g0.tab") == "1":
        asked.append(("view", "table"))
    return RedirectResponse(f"{EXPLORER}?{urlencode(asked)}" if asked else EXPLORER, status_code=302)


@routes.get("/-/healthy")
async def healthy() -> Response:
    """200 while the process can answer at all."""
    return PlainTextResponse("Sonde is Healthy.\n")


@routes.head("/-/healthy", include_in_schema=False)
async def healthy_head() -> Response:
    """The same without a body."""
    return Response()


@routes.get("/-/ready")
async def ready(around: Around) -> Response:
    """200 once data is accepted, else 503."""
    return _unready(around.is_stopping()) if around.health.obstacles() else PlainTextResponse("Sonde is Ready.\n")


@routes.head("/-/ready", include_in_schema=False)
async def ready_head(around: Around) -> Response:
    """The same without a body."""
    return _unready(around.is_stopping()) if around.health.obstacles() else Response()


@routes.post("/-/reload")
async def reload(caller: Reader, given: Given) -> Response:
    """Read the scrape configuration and the rule files again. Administrators only."""
    caller.require(Role.ADMIN)
    if given.reload is None:
        return PlainTextResponse("Lifecycle API is not enabled.", status_code=403)
    try:
        await given.reload()
    except UserError as error:
        return PlainTextResponse(f"failed to reload config: {error}\n", status_code=500)
    return Response()


@routes.get("/-/reload", include_in_schema=False)
async def reload_by_get() -> Response:
    """Reading changes nothing."""
    return PlainTextResponse("Only POST or PUT requests allowed", status_code=405)


routes.add_api_route("/-/reload", reload, methods=["PUT"], include_in_schema=False)


def _unready(is_stopping: bool) -> Response:
    return PlainTextResponse(
        "Service Unavailable",
        status_code=503,
        headers={"x-prometheus-stopping": "true" if is_stopping else "false"},
    )
