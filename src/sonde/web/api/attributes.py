"""``GET /attributes`` and ``GET /attributes/values``: completion and facets."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from sonde.query.attributes import MAX_VALUES, AttributeScope, AttributeSignal, attribute_keys, attribute_values
from sonde.web.asking import Asked, Reader, Window, answered

router = APIRouter(prefix="/attributes", tags=["attributes"])


@router.get("")
async def keys(
    request: Request, caller: Reader, window: Window, asked: Asked, signal: AttributeSignal = "spans"
) -> Response:
    """The attribute keys seen in a time range, the most frequent first; counts are estimates."""
    return await answered(request, caller, attribute_keys(asked, tenant=caller.tenant, signal=signal, window=window))


@router.get("/values")
async def values(
    request: Request,
    caller: Reader,
    window: Window,
    asked: Asked,
    scope: AttributeScope,
    key: str,
    signal: AttributeSignal = "spans",
    prefix: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_VALUES)] = 50,
) -> Response:
    """The values of a key: those that begin with the prefix first, then those that contain it."""
    work = attribute_values(
        asked,
        tenant=caller.tenant,
        signal=signal,
        scope=scope,
        key=key,
        prefix=prefix,
        limit=limit,
        window=window,
    )
    return await answered(request, caller, work)
