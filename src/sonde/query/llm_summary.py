"""LLM calls over time: counts, tokens and cost by step and group, with totals and latencies."""

from __future__ import annotations

from typing import Any, Final, Literal

from sonde.errors import UserError
from sonde.query.engine import Inquiry, Record
from sonde.query.llm_calls import LlmFilter, in_calls, matching
from sonde.query.sql.ast import (
    Alias,
    And,
    Call,
    Column,
    Key,
    Number,
    Select,
    Table,
    aliased,
    call,
    eq,
    integer,
    text,
)
from sonde.query.window import SECOND

MAX_GROUPS: Final = 20
MAX_BUCKETS: Final = 500
GroupBy = Literal["model", "service", "function", "user", "provider"]
_GROUP_COLUMNS: Final[dict[GroupBy, str]] = {
    "model": "model",
    "service": "service",
    "function": "function",
    "user": "user_id",
    "provider": "provider",
}
_SERIES: Final = ("calls", "input_tokens", "output_tokens")

# Calls, failures, tokens and money of a group of calls. ``cost_sum`` is NULL when no call of the group has a price.
BUCKET_SUMS: Final[tuple[Alias, ...]] = aliased(
    calls=call("count"),
    failed_calls=call("countIf", eq("success", Number(0))),
    unpriced_calls=call("countIf", call("isNull", Column("cost_usd"))),
    cost_sum=call("sum", Column("cost_usd")),
    input_sum=call("sum", Column("input_tokens")),
    output_sum=call("sum", Column("output_tokens")),
)


async def summarize_llm_calls(inquiry: Inquiry, wanted: LlmFilter, *, group_by: GroupBy, buckets: int = 60) -> Record:
    """Series per group, the dearest groups first and the many small ones joined as ``other``; and totals."""
    step = wanted.window.step_seconds(min(max(buckets, 1), MAX_BUCKETS))
    times = wanted.window.grid(step)
    where = And((in_calls(wanted.tenant, wanted.window), matching(wanted)))
    group = Column(_GROUP_COLUMNS[group_by])
    bucket = call("intDiv", call("toUnixTimestamp64Nano", Column("ts")), integer(step * SECOND))
    series = Select(
        columns=(*aliased(group=group, bucket=bucket), *BUCKET_SUMS),
        source=Table("llm_calls"),
        where=where,
        group_by=(Column("group"), Column("bucket")),
    )
    totals = Select(columns=(*BUCKET_SUMS, *_TOTALS), source=Table("llm_calls"), where=where)
    rows, (total,) = await inquiry.together(series, totals)
    return {
        "step_seconds": step,
        "times": times,
        "groups": _groups(rows, times, step),
        "totals": _totals(total),
        "stats": inquiry.cost.as_json(),
    }


def parse_group_by(value: str) -> GroupBy:
    """Read a grouping.

    >>> parse_group_by("user")
    'user'
    """
    for known in _GROUP_COLUMNS:
        if value == known:
            return known
    raise UserError(f"cannot group by {value!r}", code="bad_group_by", hint=f"use one of {', '.join(_GROUP_COLUMNS)}")


def _usage(bucket: str) -> Key:
    return Key(Column("usage"), text(bucket))


_FIRST_TOKEN = Column("time_to_first_token_nano")
_TOTALS: Final = aliased(
    cached_sum=call("sum", _usage("input_cache_read")),
    quantiles=Call("quantilesTDigest", (Column("duration_nano"),), settings=(0.5, 0.95)),
    first_token=Call("quantileTDigestIf", (_FIRST_TOKEN, call("isNotNull", _FIRST_TOKEN)), settings=(0.5,)),
)


def _groups(rows: list[Record], times: list[int], step: int) -> list[Record]:
    weight: dict[str, tuple[float, int]] = {}
    for row in rows:
        cost, calls = weight.get(row["group"], (0.0, 0))
        weight[row["group"]] = (cost + (row["cost_sum"] or 0.0), calls + int(row["calls"]))
    ranked = sorted(weight, key=lambda name: (weight[name], name), reverse=True)
    shown = set(ranked[:MAX_GROUPS])
    groups: dict[str, Record] = {}
    for name in (*ranked[:MAX_GROUPS], *(["other"] if len(ranked) > MAX_GROUPS else [])):
        counts = {series: [0] * len(times) for series in _SERIES}
        # None until a priced call is seen: no price is not a price of 0
        groups.setdefault(name, {"name": name, **counts, "cost_usd": [None] * len(times)})
    for row in rows:
        group = groups[row["group"] if row["group"] in shown else "other"]
        position = min(max(int(row["bucket"]) - times[0] // step, 0), len(times) - 1)
        group["calls"][position] += int(row["calls"])
        if row["cost_sum"] is not None:
            group["cost_usd"][position] = (group["cost_usd"][position] or 0.0) + row["cost_sum"]
        group["input_tokens"][position] += int(row["input_sum"])
        group["output_tokens"][position] += int(row["output_sum"])
    return list(groups.values())


def _totals(row: Record) -> Record:
    calls = int(row["calls"])
    return {
        "calls": calls,
        "errors": int(row["failed_calls"]),
        "cost_usd": row["cost_sum"] or 0.0,
        "unpriced_calls": int(row["unpriced_calls"]),
        "input_tokens": int(row["input_sum"]),
        "output_tokens": int(row["output_sum"]),
        "cached_tokens": int(row["cached_sum"]),
        "p50_seconds": _seconds(row["quantiles"][0]) if calls else None,
        "p95_seconds": _seconds(row["quantiles"][1]) if calls else None,
        "ttft_p50_seconds": _seconds(row["first_token"]),
    }


def _seconds(nanoseconds: Any) -> float | None:
    return None if nanoseconds is None else float(nanoseconds) / SECOND
