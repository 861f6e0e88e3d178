"""Live tail: log records as they come in, until the reader goes away.

The store is asked once a second for the newest records of the last seconds, and what was delivered before is left
out. Records carry their sender's times and come in batches, late by some seconds: so each question overlaps the
former ones by ``OVERLAP_NANO``, and a record that is still later is not shown live (a search finds it). When more
comes in than a person can read, the newest are shown and the rest is counted as dropped.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from sonde.query.engine import Engine, Inquiry, Record
from sonde.query.logs import (
    LogSearch,
    attribute_conditions,
    count_records,
    log_record,
    matching,
    newest_records,
    record_key,
)
from sonde.query.resources import read_resources
from sonde.query.window import MINUTE, SECOND, TimeRange
from sonde.store.client import Limits

OVERLAP_NANO: Final = 20 * SECOND
MAX_PER_POLL: Final = 500

# Clocks of other machines run ahead; a record "from the future" is shown now.
_AHEAD_NANO: Final = 5 * MINUTE
_LIMITS: Final = Limits(execution_seconds=10)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one poll found: records, oldest first, and how many more were dropped."""

    records: list[Record]
    dropped: int


async def tail_logs(
    engine: Engine, search: LogSearch, *, now_nano: Callable[[], int], pause: Callable[[], Awaitable[bool]]
) -> AsyncIterator[Delivery]:
    """Deliver new records after each ``pause``; ends when ``pause`` answers False. The search's own window is not used.

    What was stored before the first poll is not delivered.
    """
    floor = now_nano() - OVERLAP_NANO
    seen: set[tuple[int, int]] = set()
    first = True
    while first or await pause():
        now = now_nano()
        window = TimeRange(min(max(floor, now - OVERLAP_NANO), now), now + _AHEAD_NANO)
        inquiry = Inquiry(engine, _LIMITS)
        attributes = await attribute_conditions(inquiry, replace(search, window=window))
        rows = await inquiry.records(newest_records(matching(search, window, attributes), limit=MAX_PER_POLL))
        fresh = [row for row in rows if record_key(row) not in seen]
        dropped = 0
        if len(rows) == MAX_PER_POLL:
            # More than fits: count what lies below, once, and never look there again.
            floor = int(rows[-1]["time_nano"])
            if not first and window.start_nano < floor:
                below = TimeRange(window.start_nano, floor)
                known_below = sum(1 for at, _ in seen if below.start_nano <= at < floor)
                held_back = await count_records(inquiry, matching(search, below, attributes))
                dropped = max(held_back - known_below, 0)
        seen = {key for key in seen if key[0] >= window.start_nano} | {record_key(row) for row in rows}
        if not first:
            resources = await read_resources(inquiry, search.tenant, window, (row["resource_id"] for row in fresh))
            yield Delivery([log_record(row, resources) for row in reversed(fresh)], dropped)
        first = False
