"""Drops what is too old or too much, whole days at a time: that is quick, and works on a full disk too.

Every table is partitioned by day, so retention is a list of partitions to drop. ``plan`` is pure; ``sweep`` asks and
acts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sonde.store.client import Client

_ROLLUPS = ("rollups_5m", "rollups_1h", "rollup_pieces", "rollup_days")
# Which tables belong to which key of the configuration's `retention`.
TABLES: Mapping[str, tuple[str, ...]] = {
    "traces": ("spans", "trace_index", "red_1m", "attr_values"),
    "logs": ("logs",),
    "metrics": ("samples", "exemplars", "histograms", "series", "metadata", *_ROLLUPS),
    "llm_calls": ("llm_calls", "rag_traces"),
    "feedback": ("scores",),
}
# Kept as long as the longest of two keys says: rollups outlive samples, and serve nobody without series. `resources`
# serve spans and log records alike.
_LONGEST: Mapping[str, tuple[str, ...]] = {
    "resources": ("traces", "logs"),
    **dict.fromkeys(("series", "metadata", *_ROLLUPS), ("metrics", "metrics_rollups")),
}
_GROUPS: Mapping[str, tuple[str, ...]] = {
    **{table: (group,) for group, tables in TABLES.items() for table in tables},
    **_LONGEST,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """How long (zero: for ever) and how much (zero: no bound) one group of tables may keep."""

    age: timedelta = timedelta(0)
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Partition:
    """One day of one table, as it lies on the disk."""

    table: str
    day: str  # YYYYMMDD
    size_bytes: int


def plan(partitions: Iterable[Partition], rules: Mapping[str, Rule], now: datetime) -> list[Partition]:
    """The partitions to drop: days that ended too long ago, then the oldest beyond their bytes, never today.

    >>> days = [Partition("logs", "20260101", 10), Partition("logs", "20260301", 10), Partition("logs", "20260302", 10)]
    >>> rules = {"logs": Rule(timedelta(days=30), 15)}
    >>> [drop.day for drop in plan(days, rules, datetime(2026, 3, 2, tzinfo=UTC))]
    ['20260101', '20260301']
    >>> both = [Partition(table, "20260101", 10) for table in ("samples", "series", "rollups_1h")]
    >>> rules = {"metrics": Rule(timedelta(days=30)), "metrics_rollups": Rule(timedelta(days=400))}
    >>> [drop.table for drop in plan(both, rules, datetime(2026, 3, 2, tzinfo=UTC))]
    ['samples']
    """
    everything = sorted(partitions, key=lambda partition: (partition.day, partition.table))
    drops = [each for each in everything if each.table in _GROUPS and _is_old(each, _age(each.table, rules), now)]
    for group, tables in TABLES.items():
        kept = [each for each in everything if each.table in tables and each not in drops]
        drops += _too_much(kept, rules.get(group, Rule()).size_bytes, today=f"{now:%Y%m%d}")
    return drops


def sweep(client: Client, rules: Mapping[str, Rule], now: datetime) -> list[Partition]:
    """Drop what ``plan`` says; returns what was dropped."""
    rows = client.query(
        "SELECT table, partition_id, sum(bytes_on_disk) FROM system.parts "
        "WHERE active AND database = currentDatabase() GROUP BY table, partition_id"
    ).rows
    partitions = [Partition(str(table), str(day), int(str(size))) for table, day, size in rows]
    dropped = plan(partitions, rules, now)
    for partition in dropped:
        # names of our own tables and digits; ClickHouse takes no parameters here
        client.command(f"ALTER TABLE {partition.table} DROP PARTITION ID '{partition.day}'")
    return dropped


def _age(table: str, rules: Mapping[str, Rule]) -> timedelta:
    """How long the days of a table are kept; zero: for ever."""
    ages = [rules[group].age for group in _GROUPS[table] if group in rules]
    return max(ages, default=timedelta(0)) if all(ages) else timedelta(0)


def _is_old(partition: Partition, age: timedelta, now: datetime) -> bool:
    return bool(age) and _end_of(partition.day) + age <= now


def _too_much(oldest_first: list[Partition], most_bytes: int, *, today: str) -> list[Partition]:
    total = sum(partition.size_bytes for partition in oldest_first)
    drops: list[Partition] = []
    for partition in oldest_first:
        if not most_bytes or total <= most_bytes or partition.day >= today:
            break
        drops.append(partition)
        total -= partition.size_bytes
    return drops


def _end_of(day: str) -> datetime:
    return datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=1)
