"""``GET /audit``: who changed what, and when; for administrators."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query

from sonde.state.audit_log import MAX_ENTRIES, newest_entries
from sonde.telemetry.tenancy import Role
from sonde.web.asking import Around, Reader

router = APIRouter(tags=["audit"])


@router.get("/audit")
async def audit(
    caller: Reader, around: Around, limit: Annotated[int, Query(ge=1, le=MAX_ENTRIES, description="So many")] = 100
) -> dict[str, Any]:
    """The newest entries of the audit log of the caller's tenant, newest first."""
    caller.require(Role.ADMIN)
    entries = await asyncio.to_thread(newest_entries, around.state, tenant=caller.tenant, limit=limit)
    return {
        "entries": [
            {
                "time_unix_nano": str(round(entry.at * 1e9)),
                "actor": entry.actor,
                "action": entry.action,
                "subject": entry.subject,
                "peer": entry.peer,
            }
            for entry in entries
        ]
    }
