"""A query with what its columns are called as metrics, and its rows as families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sonde.receivers.collector import Family, Sample, Type
from sonde.telemetry.labels import labels_of

Cell = float | int | str | bool | None
Row = Mapping[str, Cell]

NEWEST = 1_000


@dataclass(frozen=True, slots=True)
class Metric:
    """A column that is a value. NULL is told as 0, as the exporter does it, unless ``skip_null``."""

    column: str
    name: str
    type: Type
    help: str
    skip_null: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT of one of the exporter's collectors, for major versions from ``since`` to ``until``.

    Columns that are values are numbers (timestamps are seconds since 1970), columns that are labels are text.
    """

    collector: str
    sql: str
    metrics: tuple[Metric, ...]
    labels: tuple[str, ...] = ()
    since: int = 10
    until: int = NEWEST


def counters(prefix: str, columns: Mapping[str, str], *, suffix: str = "") -> tuple[Metric, ...]:
    """A counter of each column.

    >>> counters("pg_wal", {"records": "Number of records"}, suffix="_total")[0].name
    'pg_wal_records_total'
    """
    return tuple(Metric(column, f"{prefix}_{column}{suffix}", "counter", text) for column, text in columns.items())


def gauges(prefix: str, columns: Mapping[str, str]) -> tuple[Metric, ...]:
    """A gauge of each column.

    >>> gauges("pg_wal", {"segments": "Number of WAL segments"})[0].name
    'pg_wal_segments'
    """
    return tuple(Metric(column, f"{prefix}_{column}", "gauge", text) for column, text in columns.items())


def families(query: Query, rows: Sequence[Row]) -> list[Family]:
    """The rows of a query's result as families.

    >>> roles = Query("roles", "…", gauges("pg_roles", {"limit": "Limit"}), labels=("rolname",))
    >>> families(roles, [{"rolname": "app", "limit": -1}, {"rolname": "b", "limit": None}])[0].samples[0].value
    -1.0
    """
    labelled = [(labels_of({name: str(row[name] or "") for name in query.labels}), row) for row in rows]
    return [
        Family(
            metric.name,
            metric.type,
            metric.help,
            tuple(
                Sample(labels, float(row[metric.column] or 0))
                for labels, row in labelled
                if not (metric.skip_null and row[metric.column] is None)
            ),
        )
        for metric in query.metrics
    ]
