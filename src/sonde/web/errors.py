"""Every refusal of our own API in one shape: ``{"error": {"code", "message", "hint", "position"}}`` and the HTTP
status.

What Sonde raises on purpose is shown. Anything else is a bug: it is logged with its trace, and clients see
``internal``.
"""

from __future__ import annotations

import logging
import math
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from sonde.errors import InternalError, SondeError, UserError

_log = logging.getLogger(__name__)
_CODES: Final = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def error_response(error: SondeError) -> Response:
    """A raised error as the answer."""
    headers = {}
    retry_after = getattr(error, "retry_after_seconds", None)
    if retry_after is not None:
        headers["retry-after"] = str(max(math.ceil(retry_after), 1))
    if error.http_status == 401:
        headers["www-authenticate"] = 'Bearer realm="sonde"'
    return JSONResponse(error_shape(error), status_code=error.http_status, headers=headers)


def error_shape(error: SondeError) -> dict[str, Any]:
    """The one shape; of an error that is ours, nothing but its code."""
    if isinstance(error, InternalError):
        return _shape(error.code, "something went wrong inside Sonde", "its log has the details")
    return _shape(error.code, error.message, error.hint, error.position)


def install_error_handlers(app: FastAPI) -> None:
    """Make every way to fail answer in the one shape."""

    @app.exception_handler(SondeError)
    async def refused(request: Request, error: SondeError) -> Response:
        if not isinstance(error, UserError) and error.http_status >= 500:
            _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return error_response(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        if first["loc"] == ("body",) and "json" not in request.headers.get("content-type", ""):
            hint = "send it with the header content-type: application/json"
            return JSONResponse(_shape("bad_parameter", "a body in JSON is needed", hint), status_code=400)
        where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
        return JSONResponse(_shape("bad_parameter", f"{where}: {first['msg']}", "see /docs"), status_code=400)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        code = _CODES.get(error.status_code, "http_error")
        return JSONResponse(
            _shape(code, f"{request.method} {request.url.path}: {error.detail}", ""),
            status_code=error.status_code,
            headers=dict(error.headers or {}),
        )

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> Response:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return error_response(InternalError(str(error)))


def _shape(code: str, message: str, hint: str, position: tuple[int, int] | None = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "hint": hint, "position": position}}
