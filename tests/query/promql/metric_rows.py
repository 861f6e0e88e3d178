"""Samples and native histograms written into the store's flat tables, so that the views behind them are fed."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.series import STALE_NAN_BITS
from sonde.store.dialect import expand
from sonde.telemetry.labels import METRIC_NAME

NOW = 1_700_000_000_000  # 2023-11-14 22:13:20 UTC, in milliseconds
NO_DEDUPLICATION = "insert_deduplicate = 0, async_insert = 0"
STALE = struct.unpack("<d", struct.pack("<Q", STALE_NAN_BITS))[0]
NAN = math.nan

Point = tuple[int, float] | tuple[int, float, int]
"""A time in milliseconds, a value, and perhaps a start time."""

_SERIES = """
  JSONExtractString(row, 'metric') AS metric, JSONExtract(row, 'labels', 'Map(String, String)') AS labels,
  {series_id metric labels} AS id
"""
_NUMBERS = ("zero_threshold", "zero_count", "count", "sum")
_FLOATS = ("positive_count", "negative_count", "custom_bounds")
_ROWS = "FROM (SELECT arrayJoin({rows:Array(String)}) AS row)"
_TS = "fromUnixTimestamp64Milli(JSONExtractInt(row, 'ts'))"
_INSERT_HISTOGRAMS = f"""
INSERT INTO histograms (tenant, metric, id, ts, start_ts, counter_reset, is_float, schema, {
    ", ".join(_NUMBERS)
}, min, max,
  positive.index, positive.count, negative.index, negative.count, custom_bounds) SETTINGS {NO_DEDUPLICATION}
SELECT {{tenant:String}}, metric, id, ts, start_ts, {{enumerated reset counter_reset}}, true, schema,
  {", ".join(f"numbers[{place}]" for place in range(1, len(_NUMBERS) + 1))}, nan, nan,
  positive_index, positive_count, negative_index, negative_count, custom_bounds
FROM (
  SELECT {_SERIES}, {_TS} AS ts, fromUnixTimestamp64Milli(JSONExtractInt(row, 'start')) AS start_ts,
    JSONExtractUInt(row, 'reset') AS reset, JSONExtractInt(row, 'schema') AS schema,
    {
    ", ".join(
        f"arrayMap(b -> reinterpretAsFloat64(toUInt64(b)), JSONExtract(row, '{name}', 'Array(String)')) AS {name}"
        for name in ("numbers", *_FLOATS)
    )
},
    JSONExtract(row, 'positive_index', 'Array(Int32)') AS positive_index,
    JSONExtract(row, 'negative_index', 'Array(Int32)') AS negative_index
  {_ROWS}
)
"""
_INSERT_SERIES = f"""
INSERT INTO series (tenant, metric, id, day, labels, temporality)
SELECT DISTINCT {{tenant:String}}, metric, id, toDate32(ts), labels, 'unspecified' FROM (SELECT {_SERIES}, {_TS} AS ts {_ROWS})
"""


def bits(value: float) -> str:
    return str(struct.unpack("<Q", struct.pack("<d", value))[0])


def same_bits(left: Iterable[float], right: Iterable[float]) -> bool:
    """Equal, NaN by NaN."""
    return np.array(list(left), np.float64).tobytes() == np.array(list(right), np.float64).tobytes()


def insert_samples(
    client: Any,
    labels: Mapping[str, str],
    points: Sequence[Point],
    *,
    tenant: str = "default",
    temporality: str = "cumulative",
) -> None:
    """One series; several points of one time are all written."""
    insert_series(client, [(labels, points)], tenant=tenant, temporality=temporality)


def insert_series(
    client: Any,
    series: Sequence[tuple[Mapping[str, str], Sequence[Point]]],
    *,
    tenant: str = "default",
    temporality: str = "cumulative",
) -> None:
    """Several series at once."""
    rows = [
        json.dumps(
            {
                "metric": labels.get(METRIC_NAME, ""),
                "labels": {name: value for name, value in sorted(labels.items()) if name != METRIC_NAME},
                "ts": [point[0] for point in points],
                "bits": [bits(point[1]) for point in points],
                "start": [point[2] if len(point) == 3 else 0 for point in points],
            }
        )
        for labels, points in series
    ]
    client.command(
        f"""
        INSERT INTO sample_rows SETTINGS {NO_DEDUPLICATION}
        SELECT {{tenant:String}} AS tenant, metric, id, fromUnixTimestamp64Milli(p.1) AS ts,
          fromUnixTimestamp64Milli(p.3) AS start_ts, reinterpretAsFloat64(toUInt64(p.2)) AS value,
          {{temporality:String}} AS temporality, labels
        FROM (
          SELECT {expand(_SERIES)}, arrayJoin(arrayZip(JSONExtract(row, 'ts', 'Array(Int64)'),
            JSONExtract(row, 'bits', 'Array(String)'), JSONExtract(row, 'start', 'Array(Int64)'))) AS p
          FROM (SELECT arrayJoin({{rows:Array(String)}}) AS row)
        )
        """,
        {"rows": rows, "tenant": tenant, "temporality": temporality},
    )


def insert_histogram(
    client: Any, labels: Mapping[str, str], ts: int, *, tenant: str = "default", start: int = 0, **given: Any
) -> None:
    """One native histogram, by the arguments of ``Histogram.of``."""
    insert_histograms(client, [(labels, ts, start, Histogram.of(**given))], tenant=tenant)


def insert_histograms(
    client: Any, histograms: Sequence[tuple[Mapping[str, str], int, int, Histogram]], *, tenant: str = "default"
) -> None:
    """Native histograms: labels, time, start time and what it is; their series go along."""
    rows = [
        json.dumps(
            {
                "metric": labels.get(METRIC_NAME, ""),
                "labels": {name: value for name, value in sorted(labels.items()) if name != METRIC_NAME},
                "ts": ts,
                "start": start,
                "reset": int(histogram.reset),
                "schema": histogram.schema,
                "numbers": [bits(getattr(histogram, name)) for name in _NUMBERS],
                **{name: getattr(histogram, name).tolist() for name in ("positive_index", "negative_index")},
                **{name: list(map(bits, getattr(histogram, name).tolist())) for name in _FLOATS},
            }
        )
        for labels, ts, start, histogram in histograms
    ]
    client.command(expand(_INSERT_HISTOGRAMS), {"rows": rows, "tenant": tenant})
    client.command(expand(_INSERT_SERIES), {"rows": rows, "tenant": tenant})
