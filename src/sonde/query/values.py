"""Values as answers show them: typed attributes joined into one object, ids without their zeros, quantiles from
digests.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from typing import Any, Final

from sonde.query.engine import Record
from sonde.query.sql.ast import Alias, Column, call

ATTRIBUTE_MAPS: Final = ("attr_str", "attr_int", "attr_float", "attr_bool", "attr_json")
ATTRIBUTE_COLUMNS: Final = tuple(Column(name) for name in ATTRIBUTE_MAPS)
_BUCKETS_PER_DOUBLING: Final = 8


def attributes(row: Mapping[str, Any]) -> Record:
    """The five typed maps of a row as one object, sorted by key.

    >>> empty = {"attr_float": {}, "attr_bool": {}}
    >>> attributes({"attr_str": {"b": "x"}, "attr_int": {"a": 1}, "attr_json": {"c": "[1]"}, **empty})
    {'a': 1, 'b': 'x', 'c': [1]}
    """
    merged: Record = {}
    for name in ATTRIBUTE_MAPS[:-1]:
        merged.update(row[name])
    merged.update({key: json_value(text) for key, text in row["attr_json"].items()})
    return {key: finite(merged[key]) for key in sorted(merged)}


def json_value(text: str) -> Any:
    """JSON text as a value; text that is no JSON as itself."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def finite(value: Any) -> Any:
    """JSON has no NaN and no infinities: they become their names.

    >>> finite([1.5, float("nan"), {"a": float("-inf")}])
    [1.5, 'NaN', {'a': '-Infinity'}]
    """
    match value:
        case float() if math.isnan(value):
            return "NaN"
        case float() if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        case list():
            return [finite(item) for item in value]
        case dict():
            return {key: finite(item) for key, item in value.items()}
        case _:
            return value


def id_or_none(hex_id: str) -> str | None:
    """An id; the zero id means that there is none.

    >>> id_or_none("0000000000000000") is None
    True
    """
    return hex_id if hex_id.strip("0") else None


def nano(column: str, alias: str) -> Alias:
    """A DateTime64(9) column as nanoseconds since 1970."""
    return Alias(call("toUnixTimestamp64Nano", Column(column)), alias)


def quantile_seconds(buckets: Mapping[str, int], quantile: float) -> float | None:
    """A quantile of a duration digest: bucket b counts durations in (2^((b-1)/8), 2^(b/8)] nanoseconds.

    The geometric middle of the bucket is returned, at most 4.5 % away from the true value.

    >>> quantile_seconds({"240": 99, "270": 1}, 0.5)
    1.0282
    >>> quantile_seconds({}, 0.5) is None
    True
    """
    counted = sorted((int(bucket), int(count)) for bucket, count in buckets.items())
    total = sum(count for _, count in counted)
    if not total:
        return None
    reached = itertools.accumulate(count for _, count in counted)
    bucket = next(bucket for (bucket, _), seen in zip(counted, reached, strict=True) if seen >= quantile * total)
    return float(f"{2 ** ((bucket - 0.5) / _BUCKETS_PER_DOUBLING) / 1e9:.5g}")


def merge_digests(into: dict[str, int], buckets: Mapping[str, int]) -> None:
    """Add a digest's counts to another's."""
    for bucket, count in buckets.items():
        into[bucket] = into.get(bucket, 0) + int(count)
