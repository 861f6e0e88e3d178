"""Refusals as ClickHouse's HTTP interface words them: a code, a status, and ``Code: 62. DB::Exception: …`` as text."""

from __future__ import annotations

import math
import re
from typing import Final

from starlette.responses import Response

from sonde.errors import Forbidden, InternalError, SondeError, TooLarge, Unauthorized, Unavailable, Unsupported
from sonde.store.client import error_number_of

_AUTHENTICATION_FAILED: Final = 516
_REQUIRED_PASSWORD: Final = 194
_ACCESS_DENIED: Final = 497
_QUERY_IS_TOO_LARGE: Final = 218
_NOT_IMPLEMENTED: Final = 48
_BAD_ARGUMENTS: Final = 36
_LOGICAL_ERROR: Final = 49
_TOO_MANY_SIMULTANEOUS_QUERIES: Final = 202

NAMES: Final = {
    _BAD_ARGUMENTS: "BAD_ARGUMENTS",
    46: "UNKNOWN_FUNCTION",
    _NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    _LOGICAL_ERROR: "LOGICAL_ERROR",
    60: "UNKNOWN_TABLE",
    62: "SYNTAX_ERROR",
    81: "UNKNOWN_DATABASE",
    115: "UNKNOWN_SETTING",
    164: "READONLY",
    _REQUIRED_PASSWORD: "REQUIRED_PASSWORD",
    _TOO_MANY_SIMULTANEOUS_QUERIES: "TOO_MANY_SIMULTANEOUS_QUERIES",
    _QUERY_IS_TOO_LARGE: "QUERY_IS_TOO_LARGE",
    394: "QUERY_WAS_CANCELLED",
    _ACCESS_DENIED: "ACCESS_DENIED",
    _AUTHENTICATION_FAILED: "AUTHENTICATION_FAILED",
}

# exceptionCodeToHTTPStatus in ClickHouse's src/Server/HTTP/exceptionCodeToHTTPStatus.cpp
_STATUS: Final = {
    **dict.fromkeys((_REQUIRED_PASSWORD,), 401),
    **dict.fromkeys((192, 193, _AUTHENTICATION_FAILED, _ACCESS_DENIED, 164), 403),
    **dict.fromkeys(
        (6, 20, 26, 27, 36, 38, 41, 42, 43, 44, 53, 62, 69, 70, 72, 117, 130, 184, 215, 321, 427, 456, 457), 400
    ),
    **dict.fromkeys((16, 46, 47, 50, 56, 60, 63, 73, 81, 115, 137, 170), 404),
    **dict.fromkeys((159,), 408),
    **dict.fromkeys((_QUERY_IS_TOO_LARGE,), 413),
    **dict.fromkeys((_NOT_IMPLEMENTED,), 501),
    **dict.fromkeys((74, 209, 210, _TOO_MANY_SIMULTANEOUS_QUERIES, 439), 503),
}


def number_of(error: SondeError) -> int:
    """ClickHouse's number for an error.

    >>> from sonde.errors import UserError
    >>> number_of(UserError("x", code="clickhouse.62")), number_of(UserError("x"))
    (62, 36)
    """
    if number := error_number_of(error):
        return number
    match error:
        case Unauthorized():
            return (
                _REQUIRED_PASSWORD
                if error.code == "unauthorized" and "no API key" in error.message
                else _AUTHENTICATION_FAILED
            )
        case Forbidden():
            return _ACCESS_DENIED
        case TooLarge():
            return _QUERY_IS_TOO_LARGE
        case Unsupported():
            return _NOT_IMPLEMENTED
        case Unavailable():
            return _TOO_MANY_SIMULTANEOUS_QUERIES
        case InternalError():
            return _LOGICAL_ERROR
        case _:
            return _BAD_ARGUMENTS


def exception_response(error: SondeError, *, query_id: str) -> Response:
    """The error as ClickHouse would answer it."""
    number = number_of(error)
    headers = {"x-clickhouse-exception-code": str(number), "x-clickhouse-query-id": query_id}
    if isinstance(error, Unavailable):
        headers["retry-after"] = str(max(math.ceil(error.retry_after_seconds), 1))
    status = _STATUS.get(number, 500)
    if status == 401:
        headers["www-authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
    return Response(exception_text(error), status_code=status, media_type="text/plain", headers=headers)


def exception_text(error: SondeError) -> str:
    r"""The message in ClickHouse's form.

    >>> exception_text(Forbidden("table x is not open to queries"))
    'Code: 497. DB::Exception: table x is not open to queries. (ACCESS_DENIED)\n'
    """
    number = number_of(error)
    message = "something went wrong inside Sonde" if isinstance(error, InternalError) else error.message
    # The engine names its code twice when the error comes through the embedding.
    message = re.sub(r"\A(?:Code: \d+\. DB::Exception: )+", "", message)
    if not re.search(r"\([A-Z_]+\)\Z", message) and number in NAMES:
        cure = f"; {error.hint}" if error.hint else ""
        message = f"{message}{cure}. ({NAMES[number]})"
    return f"Code: {number}. DB::Exception: {message}\n"
