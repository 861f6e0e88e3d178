"""``GET /digest/schedule``: when the digest goes out next and to whom, and how it went the last time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from fastapi import APIRouter

from sonde.notify.digest.post import ALERT_NAME
from sonde.notify.digest.schedule import CATCH_UP
from sonde.notify.response.digest import DigestPlan
from sonde.state.notifications import Kept, Question, find
from sonde.web.api.automation import Told, moment
from sonde.web.asking import Around, Reader

routes = APIRouter(tags=["alerting"])
_OCCASIONS: Final = 4
"""How many weeks are looked back; notifications are kept for a month."""
_MOST: Final = 500


@routes.get("/digest/schedule")
async def schedule(told: Told, caller: Reader, around: Around) -> dict[str, Any]:
    """When, to whom, and what became of the last one; null while the response file has no ``digest``.

    ``last`` is null when none went out at this time of the week within the last four weeks.
    """
    plan = told.plan.digest
    if plan is None:
        return {"digest": None}
    now = around.now_nano()
    return {
        "digest": {
            "at": str(plan.at),
            "time_zone": str(plan.at.zone),
            "next_at": moment(plan.at.after(now)),
            "receivers": list(plan.receivers),
            "last": await asyncio.to_thread(_last, around.state, plan, caller.tenant, now),
        }
    }


def _last(state: sa.Engine, plan: DigestPlan, tenant: str, now: int) -> dict[str, Any] | None:
    """The last occasion at which one was sent, and the last attempt to each of those who got it or did not."""
    occasion = plan.at.at_or_before(now)
    for _ in range(_OCCASIONS):
        if sent := _attempts(state, tenant, occasion):
            newest = {each.integration: each for each in reversed(sent)}
            return {
                "occasion_at": moment(occasion),
                "sent": [_attempt(newest[integration]) for integration in sorted(newest)],
            }
        occasion = plan.at.before(occasion)
    return None


def _attempts(state: sa.Engine, tenant: str, occasion: int) -> Sequence[Kept]:
    """All attempts to send the digest of an occasion, newest first."""
    question = Question(
        tenant=tenant,
        since=occasion / 1e9,
        until=(occasion + 2 * CATCH_UP) / 1e9,
        fits=lambda labels: labels.get("alertname") == ALERT_NAME,
    )
    found = find(state, question, limit=_MOST).kept
    return [each for each in found if each.group_key.rpartition(":")[2] == str(occasion)]


def _attempt(kept: Kept) -> dict[str, Any]:
    return {
        "receiver": kept.receiver,
        "integration": kept.integration,
        "at": moment(kept.at),
        "error": kept.error,
        "is_retried": kept.is_retried,
    }
