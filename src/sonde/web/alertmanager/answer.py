"""Answers as Alertmanager gives them: JSON, refusals as a JSON text, faults of form as ``{"code", "message"}``."""

from __future__ import annotations

import json
import logging
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from sonde.errors import SondeError, UserError
from sonde.web.dialect import DialectRoute, carried_headers, told

_REQUIRED: Final = 602
_BAD_TYPE: Final = 601
_log = logging.getLogger(__name__)


class BadForm(UserError):
    """A request that does not have the form of the specification."""

    default_code = "alertmanager.form"
    http_status = 422

    def __init__(self, message: str, *, number: int) -> None:
        super().__init__(message)
        self.number = number


def required(name: str, where: str = "body") -> BadForm:
    """Something is missing."""
    return BadForm(f"{name} in {where} is required", number=_REQUIRED)


def bad_type(name: str, where: str, kind: str, value: object) -> BadForm:
    """Something is of another kind."""
    return BadForm(f"{name} in {where} must be of type {kind}: {json.dumps(value)}", number=_BAD_TYPE)


def written(data: Any, status_code: int = 200) -> Response:
    """Data as JSON, which nobody is to keep."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    body = text.encode("utf-8", "surrogateescape") + b"\n"
    return Response(body, status_code, {"cache-control": "no-store"}, "application/json")


def router() -> APIRouter:
    """A router whose refusals are Alertmanager's."""
    return APIRouter(tags=["alertmanager"], route_class=Route)


def refusal(error: SondeError) -> Response:
    """An error as the answer."""
    if isinstance(error, BadForm):
        return written({"code": error.number, "message": error.message}, error.http_status)
    answer = written(told(error), error.http_status)
    answer.headers.update(carried_headers(error))
    return answer


class Route(DialectRoute):
    """A route whose refusals are Alertmanager's."""

    @staticmethod
    def refusal(_request: Request, error: SondeError, /) -> Response:
        """See ``DialectRoute.refusal``."""
        return refusal(error)
