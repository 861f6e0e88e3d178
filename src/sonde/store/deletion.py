"""Deletes rows of the metrics' tables, for the admin API: no query sees them any more; from the disk they go when their
parts are merged next, or with ``clean``.

A delete is a mutation: the engine notes it on disk, so it outlives a crash, and takes up every part of the table, some
10 ms each; meanwhile inserts and queries go on. A mutation that fails would be tried for ever and keep all later ones
waiting, so it is taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sonde.errors import SondeError
from sonde.store.client import Client, Limits

POINTS: Final = ("samples", "histograms", "exemplars")
"""Tables with a row a point, each by ``(tenant, metric, id, ts)``."""
SERIES: Final = "series"
_TABLES: Final = (*POINTS, SERIES)
_LOOK: Final = Limits(execution_seconds=300.0, result_rows=None, result_bytes=None)


@dataclass(frozen=True, slots=True)
class Condition:
    """What a row must fulfil: SQL of our own, and the values in it."""

    sql: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Deletion:
    """The points of some series in some time; and, once these are gone, the rows of ``series`` without any left.

    ``tenant``, ``metrics`` and the milliseconds ``start`` and ``end``, both included, say which points these can be.
    """

    tenant: str
    metrics: tuple[str, ...]
    start: int
    end: int
    points: Condition
    left: Condition
    """The points that these series may still have on the days of the range, before it or behind it."""
    series: Condition
    """The rows of ``series`` on these days."""
    ended: Condition
    """Those of them without any points left: right whatever is left, and dear, as it looks for that in every part."""


def delete_points(client: Client, condition: Condition) -> None:
    """Delete what fulfils the condition from every table of points."""
    for table in POINTS:
        _delete(client, table, condition)


def delete_ended(client: Client, deletion: Deletion) -> None:
    """Delete rows of ``series`` without points. Nothing may be inserted meanwhile: a sample could lose its series."""
    anything_left = any(_has(client, table, deletion.left) for table in POINTS)
    _delete(client, SERIES, deletion.ended if anything_left else deletion.series)


def clean(client: Client) -> None:
    """Write the parts anew that have deleted rows, without them."""
    rows = client.query(
        "SELECT DISTINCT table FROM system.parts "
        "WHERE active AND database = currentDatabase() AND has_lightweight_delete AND table IN {tables:Array(String)}",
        {"tables": list(_TABLES)},
    ).rows
    for (table,) in rows:
        _mutate(client, str(table), f"ALTER TABLE {table} APPLY DELETED MASK SETTINGS mutations_sync = 2", {})


def _delete(client: Client, table: str, condition: Condition) -> None:
    if _has(client, table, condition):  # a mutation costs something, even one that finds nothing
        _mutate(client, table, f"DELETE {_rows(table, condition)}", condition.parameters)


def _has(client: Client, table: str, condition: Condition) -> bool:
    return bool(client.query(f"SELECT 1 {_rows(table, condition)} LIMIT 1", condition.parameters, limits=_LOOK).rows)


def _rows(table: str, condition: Condition) -> str:
    return f"FROM {table} WHERE {condition.sql}"


def _mutate(client: Client, table: str, sql: str, parameters: Mapping[str, object]) -> None:
    try:
        client.command(sql, parameters)
    except SondeError:
        client.command(
            "KILL MUTATION WHERE database = currentDatabase() AND table = {table:String} AND NOT is_done SYNC",
            {"table": table},
        )
        raise
