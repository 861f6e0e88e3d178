"""An hour of series that Sonde and Prometheus are both sent: counters with resets, gauges, gaps, stale markers, histograms.

No sample lies on a whole second that a test asks for, so that it does not matter whether a range holds its left end:
Prometheus 3 leaves it out, Prometheus 2 does not. Values are eighths, so that sums are exact in any order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from tests.receivers.prometheus.write_requests import STALE, Series, histogram, version_1

START = 1_700_000_007_300
STEP = 15_000
COUNT = 240
END = START + STEP * (COUNT - 1)

Points = list[tuple[float, int]]


def requests() -> Iterator[bytes]:
    """Remote write requests, by ascending time: five minutes each."""
    everything = list(series())
    for first in range(START, END + 1, 20 * STEP):
        until = first + 20 * STEP
        parts = [
            Series(
                each.labels,
                [sample for sample in each.samples if first <= sample[1] < until],
                [native for native in each.histograms if first <= native.timestamp < until],
                [exemplar for exemplar in each.exemplars if first <= exemplar[2] < until],
            )
            for each in everything
        ]
        yield version_1(*(part for part in parts if part.samples or part.histograms))


def series() -> Iterator[Series]:
    """All series, each with its samples."""
    yield from _counters()
    yield from _gauges()
    yield from _odd()
    yield from _classic_histograms()
    yield from _native_histograms()


def _named(name: str, labels: Mapping[str, str], samples: Points, **more: object) -> Series:
    return Series(sorted({"__name__": name, **labels}.items()), samples, **more)  # type: ignore[arg-type]


def _times() -> range:
    return range(START, END + 1, STEP)


def _counters() -> Iterator[Series]:
    place = 0
    for job in ("api", "web"):
        for instance in ("a:80", "b:80"):
            for method, code in (("GET", "200"), ("GET", "500"), ("POST", "200")):
                place += 1
                labels = {"job": job, "instance": instance, "method": method, "code": code}
                total, points = 0.0, []
                for index, at in enumerate(_times()):
                    total += (index * place) % 7 + place / 8
                    if index and index % (50 + 13 * place) == 0:
                        total = 1.0
                    points.append((total, at))
                trace = [([("trace_id", f"{place:032x}")], 0.25 * place, START + 60_000 * place)]
                yield _named("requests_total", labels, points, exemplars=trace)
    for job in ("api", "web"):
        yield _named(
            "errors_total", {"job": job, "instance": "a:80"}, [(float(i // 9), at) for i, at in enumerate(_times())]
        )
    yield _named("build_info", {"job": "api", "instance": "a:80", "version": "1.2"}, [(1.0, at) for at in _times()])
    yield _named("build_info", {"job": "web", "instance": "a:80", "version": "2.0"}, [(1.0, at) for at in _times()])
    yield _named("target_info", {"job": "api", "instance": "a:80", "region": "eu"}, [(1.0, at) for at in _times()])


def _gauges() -> Iterator[Series]:
    for place, room in enumerate(("hall", "attic", "cellar", "roof")):
        points = [
            (round(8 * (place * 5 - 6 + 9 * math.sin(i / (11 + place)))) / 8, at) for i, at in enumerate(_times())
        ]
        yield _named("temperature", {"room": room, "floor": str(place % 2)}, points)
    yield _named("zero", {}, [(0.0, at) for at in _times()])
    yield _named("minus_zero", {}, [(-0.0, at) for at in _times()])
    for index, value in enumerate((1e-7, 1e21, 123456789.125, 5e-324, 1.7976931348623157e308, 0.1)):
        yield _named("size", {"n": str(index)}, [(value, at) for at in _times()])


def _odd() -> Iterator[Series]:
    strange = {3: math.nan, 5: math.inf, 8: -math.inf, 9: math.nan}
    points = [(strange.get(i % 40, float(i % 11)), at) for i, at in enumerate(_times())]
    yield _named("queue", {"name": "strange"}, points)
    yield _named("queue", {"name": "plain"}, [(float(i % 13), at) for i, at in enumerate(_times())])
    ended = [(1.0 if i % 60 < 40 else STALE if i % 60 == 40 else math.nan, at) for i, at in enumerate(_times())]
    yield _named("up", {"job": "api", "instance": "a:80"}, [p for i, p in enumerate(ended) if i % 60 <= 40])
    yield _named("up", {"job": "web", "instance": "a:80"}, [(float(i % 30 != 0), at) for i, at in enumerate(_times())])
    yield _named("sparse", {"job": "batch"}, [(float(i), at) for i, at in enumerate(_times()) if i % 24 == 0])
    yield _named("once", {"job": "batch"}, [(42.0, START + 100 * STEP)])
    yield _named("odd", {"text": 'a "b"\\c\n<é>&\u2028', "empty": "x"}, [(1.0, at) for at in _times()])
    yield _named("odd", {"text": "plain"}, [(2.0, at) for at in _times()])


def _classic_histograms() -> Iterator[Series]:
    for job, rate in (("api", 3), ("web", 5)):
        total, sums = [0.0] * 5, 0.0
        columns: list[Points] = [[] for _ in range(5)]
        sum_points: Points = []
        for index, at in enumerate(_times()):
            grown = [(index + k) % (rate + k) for k in range(5)]
            for k in range(5):
                total[k] += sum(grown[: k + 1])
                columns[k].append((total[k], at))
            sums += sum(grown) * 0.125
            sum_points.append((sums, at))
        for k, bound in enumerate(("0.1", "0.5", "1", "2.5", "+Inf")):
            yield _named("latency_bucket", {"job": job, "le": bound}, columns[k])
        yield _named("latency_sum", {"job": job}, sum_points)
        yield _named("latency_count", {"job": job}, columns[4])


def _native_histograms() -> Iterator[Series]:
    for service, is_float in (("users", False), ("orders", False), ("bills", True)):
        natives = []
        counts = {-3: 1, 0: 2, 1: 1}
        low = {2: 1}
        for index, at in enumerate(_times()):
            if service == "orders" and index == 130:
                counts, low = {0: 1}, {2: 1}
            counts = {**counts, index % 5: counts.get(index % 5, 0) + 1 + index % 3}
            low = {2: low[2] + index % 2}
            shown = {k: float(v) if is_float else v for k, v in counts.items()}
            negative = {k: float(v) if is_float else v for k, v in low.items()}
            natives.append(histogram(shown, negative, timestamp=at, schema=1, zero=index // 4, sum=index * 2.5))
        yield Series(sorted({"__name__": "rpc_seconds", "service": service}.items()), histograms=natives)
