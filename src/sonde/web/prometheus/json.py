"""What a query answers, as the JSON that Prometheus writes: numbers as text, times in seconds.

A grid of values is written row by row, without a step of Python for each value: one call writes a row's numbers as
JSON, one puts them between the row's times. What that call writes otherwise than Go does is put right afterwards.

Specification: https://prometheus.io/docs/prometheus/latest/querying/api/#expression-query-result-formats
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Sequence
from json.encoder import encode_basestring
from typing import Any, Final

import numpy as np
from pydantic_core import to_json

from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.histogram.text import buckets_json, json_float
from sonde.query.promql.series import Booleans, Floats, Integers, Objects, Samples, Vector, is_stale
from sonde.telemetry.labels import Labels

_HTML: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_RARE_ESCAPE: Final = re.compile(r"\\(.)")
# Numbers of these sizes `to_json` writes otherwise than Go does, beside the ".0" behind whole ones.
_ODD: Final = ((1e-9, 1e-5), (1e16, 1e21))
_FRACTIONS: Final = np.array(["", *(f".{fraction:03d}" for fraction in range(1, 1000))], dtype=object)


def written(value: Any, *, sort_keys: bool = False) -> str:
    r"""Any value as Go writes it, in which ``<``, ``>`` and ``&`` are escaped.

    >>> written({"yaml": "a <b>"})
    '{"yaml":"a \\u003cb\\u003e"}'
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=sort_keys).translate(
        _HTML
    )


def encoded(text: str) -> bytes:
    r"""Written JSON as UTF-8; what came from bytes that are none is U+FFFD.

    >>> encoded('"a\udcff"').decode()
    '"a\ufffd"'
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text).encode()


def text(value: str) -> str:
    r"""A string, as it stands in labels.

    >>> print(text('<a "b"\n\b>'))
    "<a \"b\"\n\u0008>"
    """
    escaped = encode_basestring(value)
    if "\b" in value or "\f" in value:
        escaped = _RARE_ESCAPE.sub(lambda found: {"b": "\\u0008", "f": "\\u000c"}.get(found[1], found[0]), escaped)
    return escaped


def seconds(milliseconds: int) -> str:
    """A time.

    >>> seconds(1435781430781), seconds(1435781430050), seconds(0), seconds(-1500)
    ('1435781430.781', '1435781430.050', '0', '-1.500')
    """
    whole, fraction = divmod(abs(milliseconds), 1000)
    return f"{'-' if milliseconds < 0 else ''}{whole}" + (f".{fraction:03d}" if fraction else "")


@functools.lru_cache(maxsize=20_000)
def labels(metric: Labels) -> str:
    """A label set. Dashboards show the same ones again and again, so the last ones are remembered.

    >>> labels((("__name__", "up"), ("job", "api")))
    '{"__name__":"up","job":"api"}'
    """
    return "{" + ",".join([f"{text(name)}:{text(value)}" for name, value in metric]) + "}"


def histogram(value: Histogram) -> str:
    """A native histogram, with the buckets that hold something.

    The first number of a bucket tells which of its bounds belong to it: 0 the upper, 1 the lower, 2 none, 3 both.

    >>> histogram(Histogram.of(count=3, sum=4.5, zero_count=1, zero_threshold=0.25, positive=([1], [2])))
    '{"count":"3","sum":"4.5","buckets":[[3,"-0.25","0.25","1"],[0,"1","2","2"]]}'
    """
    buckets = buckets_json(value)
    texts = iter(numbers_of(np.array([numbers for _, *numbers in buckets]).ravel()))
    listed = ",".join([f'[{bounds},"{next(texts)}","{next(texts)}","{next(texts)}"]' for bounds, *_ in buckets])
    head = f'{{"count":"{json_float(value.count)}","sum":"{json_float(value.sum)}"'
    return f'{head},"buckets":[{listed}]}}' if listed else f"{head}}}"


def vector_rows(vector: Vector, at: int) -> Iterator[str]:
    """The elements of an instant vector: values of the first column, at a time in milliseconds."""
    moment = seconds(at)
    numbers = numbers_of(vector.values[:, 0]) if len(vector.labels) else []
    for row in np.flatnonzero(vector.present[:, 0]).tolist():
        found = vector.histogram(row, 0)
        value = (
            f'"value":[{moment},"{numbers[row]}"]' if found is None else f'"histogram":[{moment},{histogram(found)}]'
        )
        yield f'{{"metric":{labels(vector.labels[row])},{value}}}'


def matrix_rows(vector: Vector, times: Integers) -> Iterator[str]:
    """The elements of a range vector: one for each series that has any value."""
    moments = moments_of(times)
    heads = np.array([f"],[{moment}," for moment in moments], dtype=object)
    held = None if vector.histograms is None else vector.present & vector.histograms.astype(np.bool_)
    is_float = vector.present if held is None else vector.present & ~held
    counts = np.count_nonzero(is_float, axis=1).tolist()
    is_whole = _whole_rows(vector.values)
    all_heads = heads.tolist()
    for row in np.flatnonzero(np.logical_or.reduce(vector.present, axis=1)).tolist():
        if counts[row] == len(moments):
            values = vector.values[row]
            points = _joined(all_heads, _whole_numbers(values) if is_whole[row] else numbers_of(values))
        else:
            points = _points(heads[is_float[row]], vector.values[row, is_float[row]])
        yield _series(vector.labels[row], points, _histogram_points(moments, vector.histograms, held, row))


def samples_rows(samples: Samples) -> Iterator[str]:
    """The elements of an instant query's range vector: the samples as they are stored, without stale markers."""
    for index, metric in enumerate(samples.labels):
        part = slice(int(samples.offsets[index]), int(samples.offsets[index + 1]))
        values, moments = samples.values[part], moments_of(samples.times[part])
        histograms = None if samples.histograms is None else samples.histograms[None, part]
        held = None if histograms is None else histograms.astype(np.bool_)
        is_float = ~is_stale(values) if held is None else ~is_stale(values) & ~held[0]
        heads = np.array([f"],[{moment}," for moment in moments], dtype=object)
        points = _points(heads[is_float], values[is_float])
        listed = _histogram_points(moments, histograms, held, 0)
        if points or listed:
            yield _series(metric, points, listed)


def _series(metric: Labels, points: str, histograms: str) -> str:
    values = f',"values":[{points}]' if points else ""
    return f'{{"metric":{labels(metric)}{values}{histograms}}}'


def _points(heads: Objects, values: Floats) -> str:
    """``[time,"value"],…``, of heads like ``],[time,``."""
    return _joined(heads.tolist(), numbers_of(values)) if values.size else ""


def _joined(heads: Sequence[str], numbers: Sequence[str]) -> str:
    pieces = [""] * (2 * len(heads))
    pieces[0::2] = heads
    pieces[1::2] = numbers
    return '"'.join(pieces)[2:] + '"]'


def _whole_rows(values: Floats) -> list[bool]:
    """Which rows hold nothing but whole numbers that are written with all their digits; -0 is none of them."""
    with np.errstate(invalid="ignore"):  # a NaN may be one that signals
        fits = (values == np.trunc(values)) & (np.abs(values) < 1e15) & ((values != 0) | ~np.signbit(values))
    rows: list[bool] = np.logical_and.reduce(fits, axis=1).tolist()
    return rows


def _whole_numbers(values: Floats) -> list[str]:
    return to_json(values.astype(np.int64).tolist())[1:-1].decode().split(",")


def _histogram_points(moments: Sequence[str], histograms: Objects | None, held: Booleans | None, row: int) -> str:
    if histograms is None or held is None or not held[row].any():
        return ""
    columns = np.flatnonzero(held[row]).tolist()
    points = (f"[{moments[column]},{histogram(histograms[row, column])}]" for column in columns)
    return f',"histograms":[{",".join(points)}]'


def moments_of(times: Integers) -> list[str]:
    """The text of each time, as ``seconds`` writes it.

    >>> moments_of(np.array([1000, 1050]))
    ['1', '1.050']
    """
    if not times.size:
        return []
    if int(times.min()) < 0:
        return [seconds(moment) for moment in times.tolist()]
    whole, fractions = np.divmod(times, 1000)
    texts = to_json(whole.tolist())[1:-1].decode().split(",")
    if not fractions.any():
        return texts
    together: list[str] = (np.array(texts, dtype=object) + _FRACTIONS[fractions]).tolist()
    return together


def numbers_of(values: Floats) -> list[str]:
    """The text of each value, as the API writes it.

    >>> numbers_of(np.array([1.0, 0.25, 1e300, 1e18, np.nan, -np.inf]))
    ['1', '0.25', '1e+300', '1000000000000000000', 'NaN', '-Inf']
    """
    if not values.size:
        return []
    row = to_json(values.tolist())[1:-1].decode().replace(".0,", ",").removesuffix(".0")
    if not np.isfinite(values).all():
        row = row.replace("-Infinity", "-Inf").replace("Infinity", "+Inf")
    texts = row.split(",")
    sizes = np.abs(values)
    odd = (sizes >= _ODD[0][0]) & (sizes < _ODD[0][1]) | (sizes >= _ODD[1][0]) & (sizes < _ODD[1][1])
    if odd.any():
        for index in np.flatnonzero(odd).tolist():
            texts[index] = json_float(float(values[index]))
    return texts
