"""Half an hour of a shop's metrics as a remote write request, for a real server; the explorer's tests ask for them."""

from __future__ import annotations

import math

from tests.receivers.prometheus.write_requests import Series, series, version_1

STEP_SECONDS = 15
MINUTES = 30
WIDE = 220
TRACE_ID = "92037f9db872269e980d502bbca2ebd8"
WORKERS = 10.0

COUNTER, GAUGE, HISTOGRAM = 1, 2, 3
METADATA = (
    (COUNTER, "shop_requests_total", "Requests answered, by status", ""),
    (HISTOGRAM, "shop_latency_seconds", "Time to answer", "seconds"),
    (GAUGE, "shop_workers", "Workers that wait for work", ""),
)


def half_an_hour(end_seconds: int) -> bytes:
    """Counters, a classic histogram, a gauge with one exemplar in the middle, and a metric of many series."""
    times = range(end_seconds - MINUTES * 60, end_seconds + 1, STEP_SECONDS)
    workers = {"__name__": "shop_workers", "job": "shop"}
    middle = (times[0] + times[-1]) // 2
    return version_1(
        *(
            growing("shop_requests_total", times, rate, {"job": "shop", "service": service, "status": status})
            for service, status, rate in (("api", "200", 4.0), ("api", "500", 0.25), ("search", "200", 2.0))
        ),
        *(
            growing("shop_latency_seconds_bucket", times, rate, {"job": "shop", "le": bound})
            for bound, rate in (("0.1", 3.0), ("0.5", 5.0), ("1", 5.75), ("+Inf", 6.0))
        ),
        growing("shop_latency_seconds_count", times, 6.0, {"job": "shop"}),
        growing("shop_latency_seconds_sum", times, 1.5, {"job": "shop"}),
        Series(
            sorted(workers.items()),
            [(WORKERS, moment * 1000) for moment in times],
            exemplars=[([("trace_id", TRACE_ID)], WORKERS, middle * 1000)],
        ),
        *(
            series(
                "shop_wide", *((math.sin(number), moment * 1000) for moment in times[-4:]), labels={"n": f"{number}"}
            )
            for number in range(WIDE)
        ),
        metadata=METADATA,
    )


def growing(name: str, times: range, rate: float, labels: dict[str, str]) -> Series:
    """A counter that grows by so much a second."""
    return series(name, *((rate * (moment - times[0]), moment * 1000) for moment in times), labels=labels)
