"""Rules as services have them, over the series of ``scraped_fleet``: groups of 20, each about one instance.

>>> text = groups_of(40, instances=10)
>>> text.count("- name: "), text.count("expr: ")
(2, 40)
"""

from __future__ import annotations

from benchmarks.scraped_fleet import ROUTES

PER_GROUP = 20
_BUCKET = "http_request_duration_seconds_bucket"
_JOBS = ("shop", "billing", "search", "accounts", "mail")


def _of_group(number: int, instance: int) -> list[str]:
    """Twenty rules: 6 look at one series, 8 at 4 to 40, 3 at what is not there, 3 at a thousand series and more."""
    own = f'instance="10.0.{instance // 250}.{instance % 250}:8000"'
    route, job = ROUTES[number % 4], _JOBS[number % 5]
    requests = f"http_requests_total{{{own}"
    return [
        _alert("MemoryHigh", f"process_resident_memory_bytes{{{own}}} > 1e12"),
        _alert("FilesOpen", f"process_open_fds{{{own}}} > 1e6", "5m"),
        _alert("PoolFull", f"db_pool_connections_in_use{{{own}}} >= 1e6", "5m"),
        _alert("CpuBusy", f"rate(process_cpu_seconds_total{{{own}}}[5m]) > 100"),
        _alert("Queries", f"rate(db_queries_total{{{own}}}[5m]) > 1e6"),
        _record("instance:cache_hits:rate5m", f"rate(cache_hits_total{{{own}}}[5m])"),
        _record("instance_route:requests:rate5m", f"sum by (instance, route) (rate({requests}}}[5m]))"),
        _record("instance:requests:rate5m", f"sum by (instance) (rate({requests}}}[5m]))"),
        _record("instance:errors:rate5m", f'sum by (instance) (rate({requests},status=~"5.."}}[5m]))'),
        _alert("Errors", f"instance:errors:rate5m{{{own}}} / instance:requests:rate5m{{{own}}} > 2", "5m"),
        _alert(
            "ErrorRatio",
            f'sum(rate({requests},status="500",route="{route}"}}[5m]))'
            f' / sum(rate({requests},route="{route}"}}[5m])) > 2',
        ),
        _record(
            "instance:latency:p95",
            f"histogram_quantile(0.95, sum by (instance, le) (rate({_BUCKET}{{{own}}}[5m])))",
        ),
        _alert(
            "Slow",
            f'histogram_quantile(0.99, sum by (le) (rate({_BUCKET}{{{own},route="{route}"}}[5m]))) > 1e3',
            "5m",
        ),
        _alert("Workers", f"sum(increase(worker_tasks_total{{{own}}}[10m])) == -1"),
        _alert("RequestsGone", f'absent({requests},route="{route}",status="200"}})'),
        _alert("MemoryGone", f"absent(process_resident_memory_bytes{{{own}}})"),
        _alert("NeverThere", f"absent(nothing_{number % 50}_total{{{own}}}) == 0"),
        _alert("Down", "http_requests_in_progress == -1"),
        _record(f"job:in_progress:sum{number}", f'sum by (job) (http_requests_in_progress{{job="{job}"}})'),
        _record(f"job:cpu:rate{number}", f'sum by (job) (rate(process_cpu_seconds_total{{job="{job}"}}[5m]))'),
    ]  # fmt: skip


def groups_of(rules: int, *, instances: int) -> str:
    """A rule file."""
    lines = ["groups:"]
    for number in range(rules // PER_GROUP):
        lines += [f"- name: service-{number}", "  interval: 1m", "  rules:", *_of_group(number, number % instances)]
    return "\n".join(lines) + "\n"


def _record(name: str, expr: str) -> str:
    return f"  - record: {name}\n    expr: '{expr}'"


def _alert(name: str, expr: str, waits: str = "") -> str:
    waiting = f"\n    for: {waits}" if waits else ""
    note = '\n    annotations: {summary: "{{ $labels.instance }}: {{ $value | humanize }}"}'
    return f"  - alert: {name}\n    expr: '{expr}'{waiting}\n    labels: {{severity: page}}{note}"
