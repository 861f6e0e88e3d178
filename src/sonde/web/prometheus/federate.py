"""``/federate``: the newest sample of each selected series in the text format, for another Prometheus to scrape.

As with Prometheus, stale series are left out, and of native histograms only those with custom buckets are told, as
classic ones: the text format has no others.
Specification: https://prometheus.io/docs/prometheus/latest/federation/
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from fastapi import Request, Response
from starlette.responses import PlainTextResponse

from sonde.errors import UserError
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.query.promql.histogram.native import Histogram
from sonde.query.promql.number import go_float
from sonde.query.promql.parser import parse_selector
from sonde.query.promql.query import LOOKBACK
from sonde.query.promql.series import Samples, is_stale
from sonde.query.promql.storage import Leaf, Storage
from sonde.telemetry.labels import METRIC_NAME, Labels, value_of, without
from sonde.telemetry.matcher import Matcher
from sonde.web.asking import Around, Reader
from sonde.web.prometheus.answer import allowed, allowed_seconds, router, within
from sonde.web.prometheus.errors import of_query
from sonde.web.prometheus.form import Asked

routes = router()
_LEGACY_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z", re.ASCII)
_LEGACY_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z", re.ASCII)
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
Sample = tuple[Labels, int, float, Histogram | None]


@routes.get("/federate")
async def federate(request: Request, caller: Reader, around: Around, form: Asked) -> Response:
    """The newest sample of all series that any ``match[]`` selects, no older than five minutes."""
    try:
        matchers = [parse_selector(text) for text in form.all("match[]")]
    except UserError as error:
        return PlainTextResponse(f"{error.message}\n", status_code=400)
    now = around.now_nano() // 1_000_000
    limits = allowed(around, allowed_seconds(around))
    storage = ClickHouseStorage(around.store, caller.tenant, limits)
    try:
        found = await within(request, caller, lambda: _newest(storage, matchers, now), seconds=limits.seconds)
    except UserError as error:
        raise of_query(error) from error
    allows_utf8 = "escaping=allow-utf-8" in request.headers.get("accept", "").replace(" ", "")
    escaping = "allow-utf-8" if allows_utf8 else "underscores"
    content_type = f"text/plain; version=0.0.4; charset=utf-8; escaping={escaping}"
    return Response("".join(exposition(found, allows_utf8=allows_utf8)), headers={"content-type": content_type})


async def _newest(storage: Storage, matchers: Iterable[tuple[Matcher, ...]], now: int) -> list[Sample]:
    found: dict[Labels, Sample] = {}
    for selector in matchers:
        samples = await storage.fetch(Leaf(selector, now - LOOKBACK - 1, now))
        if not isinstance(samples, Samples):
            raise TypeError("a leaf without a window is answered by samples")
        found.update((sample[0], sample) for sample in newest(samples))
    return sorted(found.values(), key=lambda sample: (value_of(sample[0], METRIC_NAME), sample[0]))


def newest(samples: Samples) -> Iterator[Sample]:
    """The last sample of each series, unless it says that the series has ended."""
    ends = samples.offsets[1:]
    has_any = ends > samples.offsets[:-1]
    last = ends[has_any] - 1
    values, times = samples.values[last], samples.times[last].tolist()
    stale = is_stale(values).tolist()
    histograms = None if samples.histograms is None else samples.histograms[last]
    for place, row in enumerate(np.flatnonzero(has_any).tolist()):
        histogram = None if histograms is None else histograms[place]
        if not stale[place] and not (histogram is not None and histogram.is_stale):
            yield samples.labels[row], times[place], float(values[place]), histogram


def exposition(samples: Sequence[Sample], *, allows_utf8: bool) -> Iterator[str]:
    """Samples, sorted by name, in the text format.

    >>> print("".join(exposition([((("__name__", "up"), ("job", "api")), 1500, 1.0, None)], allows_utf8=True)), end="")
    # TYPE up untyped
    up{job="api",instance=""} 1 1500
    """
    previous = None
    for metric, time, value, histogram in samples:
        name = value_of(metric, METRIC_NAME)
        if not name or (histogram is not None and not histogram.is_custom):
            continue
        kind = "untyped" if histogram is None else "histogram"
        shown = name if allows_utf8 or _LEGACY_NAME.match(name) else _underscored(name, colons=True)
        if (name, kind) != previous:
            previous = (name, kind)
            yield f"# TYPE {shown if _LEGACY_NAME.match(shown) else _quoted(shown)} {kind}\n"
        pairs = list(without(metric, {METRIC_NAME}))
        if not value_of(metric, "instance"):
            pairs.append(("instance", ""))
        labels = [_pair(label, text, allows_utf8=allows_utf8) for label, text in pairs]
        if histogram is None:
            yield f"{_series(shown, labels)} {go_float(value)} {time}\n"
        else:
            yield from _classic(shown, labels, histogram, time)


def _classic(name: str, labels: list[str], histogram: Histogram, time: int) -> Iterator[str]:
    filled = dict(zip(histogram.positive_index.tolist(), histogram.positive_count.tolist(), strict=True))
    bucket, total = f"{name}_bucket", 0.0
    for index, bound in enumerate(histogram.custom_bounds.tolist()):
        total += filled.get(index, 0.0)
        yield f"{_series(bucket, [*labels, _le(bound)])} {go_float(total)} {time}\n"
    yield f"{_series(bucket, [*labels, _le(math.inf)])} {go_float(histogram.count)} {time}\n"
    for suffix, value in (("_sum", histogram.sum), ("_count", histogram.count)):
        yield f"{_series(name + suffix, labels)} {go_float(value)} {time}\n"


def _le(bound: float) -> str:
    return f'le="{go_float(bound)}"'


def _series(name: str, labels: list[str]) -> str:
    if _LEGACY_NAME.match(name):
        return f"{name}{{{','.join(labels)}}}"
    return f"{{{','.join([_quoted(name), *labels])}}}"


def _pair(label: str, value: str, *, allows_utf8: bool) -> str:
    if not _LEGACY_LABEL.match(label):
        label = _quoted(label) if allows_utf8 else _underscored(label, colons=False)
    return f"{label}={_quoted(value)}"


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


def _underscored(name: str, *, colons: bool) -> str:
    """A name in which whatever the older name rules do not know is an underscore."""
    kept = re.sub(r"[^a-zA-Z0-9_:]" if colons else r"[^a-zA-Z0-9_]", "_", name)
    return f"_{kept[1:]}" if kept[:1].isdigit() else kept
