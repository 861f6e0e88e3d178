"""Rolls samples up: what each series comes to in 5 minutes and in an hour, computed after the hour from `samples`.

In comes nothing but the store; out go rows of ``rollups_5m`` and ``rollups_1h`` (schema/0007_rollups.sql), which PromQL
reads instead of samples where they say the same (``query/promql/clickhouse/rollup_functions.py``).

Nothing is added up as it comes, because samples come late and twice. A piece, which is a metric's samples of an hour on
one day, is computed whole, and the ledger ``rollup_pieces`` keeps how many rows of ``samples`` it was made of. A pass
looks at the days whose partition has changed, once an hour at most; it counts rows, and computes the pieces anew whose
counts differ, as a new generation. Rows of a generation mean nothing until the ledger names it, so that a pass that is
cut off leaves nothing wrong behind, and the next one does its work again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sonde.store import rollup_statements as sql
from sonde.store.client import Client
from sonde.store.deletion import Deletion

HOUR: Final = 3_600_000
WIDTHS: Final = {"rollups_5m": 300_000, "rollups_1h": HOUR}
"""The tables, and the milliseconds of a bucket."""
GRACE: Final = timedelta(minutes=5)
"""So long after its end an hour is rolled up. What comes later is noticed, too, but costs its piece once more."""
_SECONDS_REACH: Final = (19700102, 21060101)
"""The engine tells times of parts as seconds of 32 bits; other days are taken to be as long as in any time zone."""
_ANY_ZONE: Final = timedelta(hours=27)
MOST_GARBAGE: Final = 0.25
"""The share of outdated rows in a day from which on it is cleaned."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A day's partition of ``samples``, and what is known of it since it was looked through."""

    day: int
    """As 20260131."""
    rows: int
    block: int
    mutation: int
    earliest: int
    """Milliseconds: there is nothing before."""
    latest: int
    """Milliseconds: there is nothing after."""
    is_same: bool
    """Nothing was inserted or deleted since then."""
    is_renewed: bool
    """It was dropped since then, and samples of that day have come later."""
    looked: int
    """How often it was looked through."""
    closed: int
    """The end of the last hour that was over then, milliseconds."""

    @classmethod
    def of_row(cls, row: Sequence[object]) -> Partition:
        """A row of ``rollup_state``.

        >>> Partition.of_row([20260131, 9, 4, 0, 1769817600, 1769817615, 1, 0, 1, 1769817600000]).latest
        1769817615999
        """
        day, rows, block, mutation, earliest, latest, is_same, is_renewed, looked, closed = (
            int(str(value)) for value in row
        )
        begin, end = earliest * 1000, latest * 1000 + 999
        if not _SECONDS_REACH[0] < day < _SECONDS_REACH[1]:
            noon = datetime.strptime(str(day), "%Y%m%d").replace(hour=12, tzinfo=UTC)
            begin, end = (int((noon + sign * _ANY_ZONE).timestamp()) * 1000 for sign in (-1, 1))
        return cls(day, rows, block, mutation, begin, end, bool(is_same), bool(is_renewed), looked, closed)


@dataclass(frozen=True, slots=True)
class Rolled:
    """What a pass did."""

    day: int
    """As 20260131."""
    pieces: int


class Rollups:
    """The pass over one store. One process runs it, one pass at a time."""

    def __init__(self, client: Client, *, days: int = 30) -> None:
        """``days``: so many are looked through in a pass, the newest first; the next pass goes on with others."""
        self._client = client
        self._days = days

    def run_once(self, now: datetime) -> list[Rolled]:
        """Roll up what has changed since the last pass; tells which days had something to do."""
        closed = int((now - GRACE).timestamp() * 1000) // HOUR * HOUR
        partitions = [Partition.of_row(row) for row in self._client.query(sql.STATE).rows]
        rolled = []
        for found in [partition for partition in partitions if is_due(partition, closed)][: self._days]:
            pieces = self._roll_up(found, closed)
            self._client.command(
                sql.LOOKED,
                {
                    "day": found.day,
                    "looked": found.looked + 1,
                    "rows": found.rows,
                    "block": found.block,
                    "mutation": found.mutation,
                    "renewed": found.is_renewed,
                    "closed": closed,
                },
            )
            if pieces:
                rolled.append(Rolled(found.day, pieces))
        return rolled

    def forget(self, deletion: Deletion) -> None:
        """Samples were deleted: rollups that contain them are not read any more; fits ``maintenance.Derived``.

        Where a day has samples, the metrics' pieces are computed anew by a later pass, and queries look at samples
        until then. Where it has none any more, the series' buckets are removed.
        """
        self._client.command(
            sql.FORGET_PIECES,
            {
                "tenant": deletion.tenant,
                "metrics": list(deletion.metrics),
                "start": deletion.start,
                "behind": deletion.end + HOUR,
            },
        )
        for table, width in WIDTHS.items():
            # a bucket is named by its end, so its beginning must not lie behind the deletion's end
            overlapping = deletion.points.sql.replace("ts <=", f"bucket - toIntervalMillisecond({width - 1}) <=")
            condition = f"{sql.ROWS_WITHOUT_SAMPLES} AND {overlapping}"
            values = deletion.points.parameters
            if self._client.query(sql.ANY.format(table=table, condition=condition), values).rows:
                self._client.command(sql.REMOVE.format(table=table, condition=condition), values)

    def _roll_up(self, partition: Partition, closed: int) -> int:
        """Compute what differs in one day; tells how many pieces that were."""
        day, renewed = partition.day, partition.is_renewed
        rows = self._client.query(sql.CHANGED_HOURS, {"day": day, "closed": closed, "renewed": renewed}).rows
        hours = [int(str(row[0])) for row in rows]
        if not hours:
            return 0
        self._clean(day)
        generation = self._number(sql.GENERATION, {"day": day}) + 1
        piece: dict[str, object] = {"day": day, "generation": generation}
        span = {**piece, "after": min(hours) - HOUR, "until": max(hours)}
        self._client.command(sql.BEGIN_PIECES, {**span, "hours": hours, "renewed": renewed})
        for table, width in WIDTHS.items():
            self._client.command(sql.ROLL_UP.replace("{table}", table), {**span, "width": width})
        pieces = self._number(sql.BEGUN, piece)
        self._client.command(sql.FINISH_PIECES, piece)
        return pieces

    def _clean(self, day: int) -> None:
        """Remove what earlier passes have outdated, if it is much. No query reads it any more: that was an hour ago."""
        everything, outdated = self._client.query(sql.GARBAGE, {"day": day}).rows[0]
        if int(str(outdated)) > MOST_GARBAGE * int(str(everything)):
            for table in WIDTHS:
                self._client.command(sql.CLEAN.replace("{table}", table), {"day": day})

    def _number(self, statement: str, parameters: dict[str, object]) -> int:
        return int(str(self._client.query(statement, parameters).rows[0][0]))


def is_due(partition: Partition, closed: int) -> bool:
    """Whether a day is to be looked through: an hour of it is over, and it changed or had hours that were not over.

    One that keeps changing is looked through once an hour.
    """
    if partition.earliest > closed:
        return False
    if partition.looked == 0:
        return True
    is_complete = partition.is_same and partition.latest < partition.closed
    return not is_complete and partition.closed < closed
