"""Answers as the rulers give them: groups as YAML, or as JSON for who asks so; refusals as plain text, or as ours."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse, PlainTextResponse

from sonde.errors import SondeError
from sonde.rules.group_document import as_yaml
from sonde.web.dialect import DialectRoute, carried_headers, told
from sonde.web.errors import error_response

_NOT_KEPT: Final = {"cache-control": "no-store"}
_log = logging.getLogger(__name__)


def wants_json(request: Request) -> bool:
    """Whether the client names JSON, and not YAML, as what it takes."""
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "yaml" not in accepted


def shown(request: Request, document: Mapping[str, Any]) -> Response:
    """Groups."""
    if wants_json(request):
        return JSONResponse(document, headers=_NOT_KEPT)
    return Response(as_yaml(document), media_type="application/yaml", headers=_NOT_KEPT)


def accepted() -> Response:
    """It is done."""
    return JSONResponse({"status": "success", "data": None, "errorType": "", "error": ""}, status_code=202)


def router() -> APIRouter:
    """A router whose refusals are worded here."""
    return APIRouter(tags=["ruler"], route_class=Route)


def refusal(request: Request, error: SondeError) -> Response:
    """An error as the answer."""
    if wants_json(request):
        return error_response(error)
    return PlainTextResponse(f"{told(error)}\n", error.http_status, {**_NOT_KEPT, **carried_headers(error)})


class Route(DialectRoute):
    """A route whose refusals are worded here."""

    @staticmethod
    def refusal(request: Request, error: SondeError, /) -> Response:
        """See ``DialectRoute.refusal``."""
        return refusal(request, error)
