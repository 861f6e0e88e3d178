"""``GET /overview`` and ``GET /services``: what runs, how it does, what it costs."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from sonde.query.overview import read_overview
from sonde.query.services import list_services
from sonde.web.asking import Around, Asked, Reader, Window, answered

router = APIRouter(tags=["overview"])


@router.get("/overview")
async def overview(request: Request, caller: Reader, window: Window, asked: Asked, around: Around) -> Response:
    """Services with rate, errors and latency, LLM spend, and the newest errors."""
    work = read_overview(asked, tenant=caller.tenant, window=window, now_nano=around.now_nano())
    return await answered(request, caller, work)


@router.get("/services")
async def services(request: Request, caller: Reader, window: Window, asked: Asked) -> Response:
    """Every service with its operations."""
    return await answered(request, caller, list_services(asked, tenant=caller.tenant, window=window))
