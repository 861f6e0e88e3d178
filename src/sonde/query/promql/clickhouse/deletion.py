"""Selectors and a time range in, what to delete out: the samples, and the days of series that have none left.

``store.maintenance`` deletes. Days that the range covers in part are looked at again when their samples are gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sonde.query.engine import Inquiry
from sonde.query.promql.clickhouse.selection import (
    EARLIEST,
    LATEST,
    MAX_LISTED_IDS,
    Selection,
    point_condition,
    series_condition,
)
from sonde.query.sql.ast import And, Column, Expr, In, Not, Row, Select, Table, aliased, call
from sonde.query.sql.render import render_expression
from sonde.store.deletion import POINTS, Condition, Deletion
from sonde.store.maintenance import Maintenance
from sonde.telemetry.matcher import Matcher

_DAY: Final = 86_400_000


async def delete_series(
    inquiry: Inquiry,
    maintenance: Maintenance,
    tenant: str,
    selectors: Sequence[tuple[Matcher, ...]],
    *,
    start: int,
    end: int,
) -> None:
    """Delete the samples, histograms and exemplars from ``start`` to ``end``, both included, of all selected series.

    A series that has none left on a day is forgotten for that day. Metadata stays.
    """
    await asyncio.to_thread(maintenance.settle)
    within = [Selection(tenant, tuple(matchers), max(start, EARLIEST) - 1, min(end, LATEST)) for matchers in selectors]
    found = [await _deletion(inquiry, selection) for selection in within if selection.after < selection.until]
    deletions = [each for each in found if each is not None]
    if deletions:
        await asyncio.to_thread(maintenance.delete, deletions)


async def _deletion(inquiry: Inquiry, selection: Selection) -> Deletion | None:
    """What to delete for one selector; None where no series fits."""
    where = series_condition(selection)
    by_metric = await inquiry.records(
        Select(
            (Column("metric"), *aliased(series=call("uniqExact", Column("id")))),
            Table("series"),
            where,
            group_by=(Column("metric"),),
        )
    )
    if not by_metric:
        return None
    metrics = [row["metric"] for row in by_metric]
    ids = None
    if sum(row["series"] for row in by_metric) <= MAX_LISTED_IDS:
        rows = await inquiry.records(Select((Column("id"),), Table("series"), where, one_by=(Column("id"),)))
        ids = sorted(row["id"] for row in rows)
    whole_days = replace(
        selection, after=(selection.after + 1) // _DAY * _DAY - 1, until=(selection.until // _DAY + 1) * _DAY - 1
    )
    still_there = point_condition(whole_days, metrics, ids)
    ended = And((where, *(_not_in(table, still_there) for table in POINTS)))
    return Deletion(
        selection.tenant,
        tuple(sorted(metrics)),
        selection.after + 1,
        selection.until,
        points=_condition(point_condition(selection, metrics, ids)),
        left=_condition(still_there),
        series=_condition(where),
        ended=_condition(ended),
    )


def _not_in(table: str, where: Expr) -> Expr:
    """No point of this table is of this series and day."""
    own = Row((Column("metric"), Column("id"), Column("day")))
    days = (Column("metric"), Column("id"), call("toDate32", Column("ts")))
    return Not(In(own, Select(days, Table(table), where)))


def _condition(where: Expr) -> Condition:
    sql, parameters = render_expression(where)
    return Condition(sql, parameters)
