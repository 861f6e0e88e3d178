"""Refusals as Prometheus' API words them: ``{"status": "error", "errorType", "error"}`` under the status of that type.

Prometheus has no words for who may ask; ``unauthorized``, ``forbidden``, ``too_large`` and ``unsupported`` are ours.
"""

from __future__ import annotations

import logging
from typing import Final

from fastapi import Request, Response

from sonde.errors import (
    Conflict,
    Forbidden,
    LimitExceeded,
    NotFound,
    SondeError,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unsupported,
    UnsupportedMedia,
    UserError,
)
from sonde.store.client import error_number_of
from sonde.web.dialect import DialectRoute, carried_headers, told
from sonde.web.prometheus import json

CLIENT_CLOSED_REQUEST: Final = 499
TIMED_OUT: Final = "query timed out in expression evaluation"
CANCELLED: Final = "query was canceled in expression evaluation"
_STORE_TIMEOUTS: Final = frozenset({159, 160})
_log = logging.getLogger(__name__)


class QueryTimeout(UserError):
    """A query took longer than it may."""

    default_code = "timeout"
    http_status = 503


class QueryCancelled(UserError):
    """A query was stopped, or its client has gone."""

    default_code = "canceled"
    http_status = CLIENT_CLOSED_REQUEST


class ExecutionError(UserError):
    """A query that reads well, and cannot be answered."""

    default_code = "execution"
    http_status = 422


# The first that fits; a class of ``sonde.errors``, Prometheus' errorType, the status if it is not the class's own.
_TYPES: Final[tuple[tuple[type[SondeError], str, int | None], ...]] = (
    (QueryTimeout, "timeout", None),
    (QueryCancelled, "canceled", None),
    (ExecutionError, "execution", None),
    (LimitExceeded, "execution", None),
    (NotFound, "not_found", None),
    (Unauthorized, "unauthorized", None),
    (Forbidden, "forbidden", None),
    (Unavailable, "unavailable", None),
    (Unsupported, "unsupported", None),
    (UnsupportedMedia, "bad_data", None),
    (TooLarge, "too_large", None),
    (UserError, "bad_data", 400),
    (SondeError, "internal", 500),
)


def of_query(error: UserError) -> UserError:
    """What went wrong while a query was evaluated: a limit of time is ``timeout``, the rest ``execution``."""
    if error.code == "promql.timeout" or error_number_of(error) in _STORE_TIMEOUTS:
        return QueryTimeout(error.message, hint=error.hint)
    if isinstance(error, Conflict) and error.code == "query_cancelled":
        return QueryCancelled(CANCELLED)
    if type(error) is UserError:
        return ExecutionError(error.message, hint=error.hint)
    return error


def refusal(error: SondeError) -> Response:
    """An error as the answer."""
    kind, status = next((name, status) for known, name, status in _TYPES if isinstance(error, known))
    return Response(
        json.encoded(json.written({"status": "error", "errorType": kind, "error": told(error)})),
        status_code=status or error.http_status,
        headers={**carried_headers(error), "content-type": "application/json"},
    )


class Route(DialectRoute):
    """A route whose refusals are Prometheus'."""

    @staticmethod
    def refusal(_request: Request, error: SondeError, /) -> Response:
        """See ``DialectRoute.refusal``."""
        return refusal(error)
