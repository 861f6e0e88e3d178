"""What the metric tables hold, as text that a person can read and a test can compare."""

from __future__ import annotations

import math
import struct
from typing import Any

TABLES = ("samples", "series", "histograms", "exemplars", "metadata")
STALE = "0x7FF0000000000002"


def labels_text(labels: dict[str, str]) -> str:
    inner = ", ".join(
        f'{name}="{value}"' if name.isidentifier() else f'"{name}"="{value}"' for name, value in labels.items()
    )
    return "{" + inner + "}" if labels else ""


def float_text(bits: str) -> str:
    (number,) = struct.unpack(">d", bytes.fromhex(bits.zfill(16)))
    return "stale" if bits == STALE[2:] else f"{number:.17g}" if math.isnan(number) else repr(number).removesuffix(".0")


def stored(client: Any) -> str:
    """All metric tables as lines: samples, native histograms, exemplars, metadata."""
    lines = []
    bits = "hex(reinterpretAsUInt64({}))"
    series = "(SELECT * FROM series LIMIT 1 BY tenant, metric, id)"
    for metric, labels, value, ts, start, temporality in client.rows(
        f"SELECT metric, labels, {bits.format('value')}, toUnixTimestamp64Milli(ts), toUnixTimestamp64Milli(start_ts), temporality "
        f"FROM samples JOIN {series} AS s USING (tenant, metric, id) ORDER BY metric, labels::String, ts, reinterpretAsUInt64(value)"
    ):
        origin = f" from {start}" if start else ""
        kind = " delta" if temporality == "delta" else ""
        lines.append(f"{metric}{labels_text(labels)} {float_text(value)} @{ts}{origin}{kind}")
    for (
        metric,
        labels,
        ts,
        start,
        hint,
        is_float,
        schema,
        threshold,
        zero,
        count,
        total,
        least,
        most,
        positive,
        negative,
        bounds,
        temporality,
    ) in client.rows(
        "SELECT metric, labels, toUnixTimestamp64Milli(ts), toUnixTimestamp64Milli(start_ts), counter_reset, is_float, schema, zero_threshold, "
        f"zero_count, {bits.format('count')}, {bits.format('sum')}, {bits.format('min')}, {bits.format('max')}, "
        "arrayZip(positive.index, positive.count), arrayZip(negative.index, negative.count), custom_bounds, temporality "
        f"FROM histograms JOIN {series} AS s USING (tenant, metric, id) "
        f"ORDER BY metric, labels::String, ts, {bits.format('count')}, {bits.format('sum')}, schema, start_ts, "
        "toString((counter_reset, positive.index, positive.count, negative.index, negative.count, custom_bounds))"
    ):
        origin = f" from {start}" if start else ""
        kind = " delta" if temporality == "delta" else ""
        extremes = "" if float_text(least) == "nan" else f" min:{float_text(least)} max:{float_text(most)}"
        buckets = "".join(
            f" {side}:[{' '.join(f'{index}:{number}' for index, number in pairs)}]"
            for side, pairs in (("positive", positive), ("negative", negative))
            if pairs
        )
        buckets += f" bounds:{bounds}" if bounds else ""
        kind += " float" if is_float else ""
        lines.append(
            f"{metric}{labels_text(labels)} {{{{schema:{schema} count:{float_text(count)} sum:{float_text(total)}{extremes} "
            f"zero:{zero}@{threshold} reset:{hint}{buckets}}}}} @{ts}{origin}{kind}"
        )
    for metric, labels, value, ts, trace, span, extra in client.rows(
        f"SELECT metric, s.labels, {bits.format('value')}, toUnixTimestamp64Milli(ts), lower(hex(trace_id)), lower(hex(span_id)), e.labels "
        f"FROM exemplars AS e JOIN {series} AS s USING (tenant, metric, id) "
        f"ORDER BY metric, s.labels::String, ts, {bits.format('value')}, trace_id, span_id, e.labels::String"
    ):
        lines.append(
            f"# exemplar {metric}{labels_text(labels)} {float_text(value)} @{ts} trace={trace} span={span} {labels_text(extra)}".rstrip()
        )
    for metric, kind, unit, help_text, temporality in client.rows(
        "SELECT metric, type, unit, help, temporality FROM metadata ORDER BY ALL"
    ):
        lines.append(f"# {metric} {kind} unit={unit!r} help={help_text!r} {temporality}")
    return "\n".join(lines)
