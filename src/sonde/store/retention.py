"""Drops what is too old or too much, whole days at a time: that is quick, and works on a full disk too.

Every table is partitioned by day, so retention is a list of partitions to drop. ``plan`` is pure; ``sweep`` asks and
acts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sonde.store.client import Client

# Which tables belong to which key of the configuration's `retention`. `resources` serves spans and log records alike.
TABLES: Mapping[str, tuple[str, ...]] = {
    "traces": ("spans", "trace_index", "red_1m", "attr_values"),
    "logs": ("logs",),
    "metrics": ("samples", "series", "exemplars", "histograms", "metadata"),
    "llm_calls": ("llm_calls", "rag_traces"),
    "feedback": ("scores",),
}
_SHARED = {"resources": ("traces", "logs")}


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
    """
    everything = list(partitions)
    drops: list[Partition] = []
    for group, tables in TABLES.items():
        rule = rules.get(group, Rule())
        drops += _beyond(rule, [partition for partition in everything if partition.table in tables], now)
    for table, groups in _SHARED.items():
        ages = [rules.get(group, Rule()).age for group in groups]
        longest = Rule(timedelta(0) if timedelta(0) in ages else max(ages))
        drops += _beyond(longest, [partition for partition in everything if partition.table == table], now)
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


def _beyond(rule: Rule, partitions: list[Partition], now: datetime) -> list[Partition]:
    today = f"{now:%Y%m%d}"
    oldest_first = sorted(partitions, key=lambda partition: (partition.day, partition.table))
    drops: list[Partition] = []
    if rule.age:
        drops = [partition for partition in oldest_first if _end_of(partition.day) + rule.age <= now]
    if rule.size_bytes:
        kept = [partition for partition in oldest_first if partition not in drops]
        total = sum(partition.size_bytes for partition in kept)
        for partition in kept:
            if total <= rule.size_bytes or partition.day >= today:
                break
            drops.append(partition)
            total -= partition.size_bytes
    return drops


def _end_of(day: str) -> datetime:
    return datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=1)
