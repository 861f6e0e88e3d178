"""``GET /metrics/cardinality``: how many series there are, of what, and how they grow."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from sonde.query.engine import Inquiry
from sonde.query.promql.clickhouse.cardinality import Days, as_json, cardinality, growth, samples_by_metric
from sonde.query.promql.parser import parse_selector
from sonde.query.window import TimeRange
from sonde.telemetry.matcher import Matcher
from sonde.web.asking import Asked, Reader, Window, answered

MAX_LIMIT = 1000
router = APIRouter(prefix="/metrics", tags=["metrics"])


@router.get("/cardinality")
async def read_cardinality(
    request: Request,
    caller: Reader,
    window: Window,
    asked: Asked,
    selector: Annotated[
        str, Query(description='Only series that fit: {job="api"}; counts of samples leave it out', max_length=10_000)
    ] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Of each list")] = 20,
) -> Response:
    """The metrics, labels and label pairs with the most series, on the days that the range touches (UTC).

    ``growth`` is told for the last 62 of them, ``new_by_metric`` for the last.
    """
    matchers = parse_selector(selector) if selector else ()
    return await answered(request, caller, _read(asked, caller.tenant, window, matchers, limit))


async def _read(
    inquiry: Inquiry, tenant: str, window: TimeRange, matchers: tuple[Matcher, ...], limit: int
) -> dict[str, Any]:
    days = Days.of(window.start_nano // 1_000_000, (window.end_nano - 1) // 1_000_000)
    found = await cardinality(inquiry, tenant, days, matchers, limit=limit)
    grown, new = await growth(inquiry, tenant, days, matchers, limit=limit)
    samples = await samples_by_metric(inquiry, tenant, days, limit=limit)
    first, *_, last = [*days.dates(), *days.dates()]
    return {
        "first_day": first,
        "last_day": last,
        **as_json(found),
        "samples_by_metric": [{"metric": name, "samples": count} for name, count in samples],
        "growth": [{"day": each.day, "series": each.series, "new": each.new, "gone": each.gone} for each in grown],
        "new_by_metric": [{"metric": name, "series": count} for name, count in new],
        "stats": inquiry.cost.as_json(),
    }
