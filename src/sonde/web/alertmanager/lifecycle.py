"""Whether alerting lives and is ready, ``/-/reload``, and the end of API v1, in Alertmanager's words.

Specification: https://prometheus.io/docs/alerting/latest/management_api/
"""

from __future__ import annotations

from fastapi import Response
from starlette.responses import PlainTextResponse

from sonde.errors import UserError
from sonde.telemetry.tenancy import Role
from sonde.web.alertmanager.answer import router, written
from sonde.web.alertmanager.configured import Given
from sonde.web.asking import Around, Reader

routes = router()


@routes.get("/-/healthy")
async def healthy() -> Response:
    """200 while the process can answer at all."""
    return PlainTextResponse("OK")


@routes.head("/-/healthy", include_in_schema=False)
async def healthy_head() -> Response:
    """The same without a body."""
    return Response()


@routes.get("/-/ready")
async def ready(around: Around) -> Response:
    """200 once data is accepted, else 503."""
    return PlainTextResponse("Not ready", 503) if around.health.obstacles() else PlainTextResponse("OK")


@routes.head("/-/ready", include_in_schema=False)
async def ready_head(around: Around) -> Response:
    """The same without a body."""
    return Response(status_code=503 if around.health.obstacles() else 200)


@routes.post("/-/reload")
async def reload(caller: Reader, given: Given) -> Response:
    """Read the configuration again. Administrators only."""
    caller.require(Role.ADMIN)
    if given.reload is None:
        return PlainTextResponse("there is no configuration file to reload\n", 403)
    try:
        await given.reload()
    except UserError as error:
        return PlainTextResponse(f"failed to reload config: {error}\n", 500)
    return Response()


@routes.api_route("/api/v1/{path:path}", methods=["GET", "POST", "DELETE"], include_in_schema=False)
async def version_1() -> Response:
    """What Alertmanager says since 0.27."""
    return written(
        {
            "status": "deprecated",
            "error": "The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version 0.27.0 - "
            "please use the equivalent route in the v2 API",
        },
        410,
    )
