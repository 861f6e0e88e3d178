"""How long the first page takes with ten million spans in the store, and the other pages' questions beside it.

    python benchmarks/bench_overview.py [--millions 10] [--repeat 7]

The spans are made by the engine itself and go through the same flat table as real ones, so that every view behind it
is fed: 24 hours, 20 services with 10 operations each, ten spans a trace. Then the questions go through the server's
HTTP API, over and over; their windows end now, so no two are the same. ``brute force`` takes the page's main numbers
from the raw spans by SQL. Goal: the overview under one second.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import machine, server

from sonde.store.client import Client
from sonde.store.embedded import EngineCaps
from sonde.store.opening import open_embedded

GOAL_SECONDS = 1.0
BLOCK = 500_000
DAY = 86_400

# One block of spans, a slice of the day. The ten spans of a trace have a place each; ids are hashes of numbers.
_SPANS = """
INSERT INTO span_rows SELECT
  'default' AS tenant,
  fromUnixTimestamp64Nano(toInt64({start:UInt64} * 1000000000 + number * {step:UInt64})) AS ts,
  reinterpretAsFixedString(sipHash128(trace)) AS trace_id,
  reinterpretAsFixedString(sipHash64(number)) AS span_id,
  if(place = 0, toFixedString('', 8), reinterpretAsFixedString(sipHash64(number - place))) AS parent_span_id,
  concat('service-', toString((trace + (place > 4)) % 20)) AS service,
  concat('GET /resource/', toString(cityHash64(trace, place) % 10)) AS name,
  if(place IN (0, 5), 'server', 'client') AS kind,
  if(failed, 'error', 'unset') AS status_code,
  if(failed, 'upstream timed out', '') AS status_message,
  toUInt64(exp(13 + (cityHash64(number, 'duration') % 1000) / 150.)) AS duration_nano,
  map('http.request.method', 'GET', 'http.route', name,
      'server.address', concat('shop-', toString(trace % 7), '.example'),
      'client.address', concat('10.0.', toString(trace % 4), '.', toString(trace % 250)),
      'user.id', concat('user-', toString(trace % 50000))) AS attr_str,
  map('http.response.status_code', toInt64(if(failed, 500, 200))) AS attr_int,
  map() AS attr_float, map() AS attr_bool, map() AS attr_json,
  cityHash64(service) AS resource_id, 'opentelemetry.instrumentation.fastapi' AS scope_name, '0.66b0' AS scope_version,
  '' AS trace_state, 257 AS flags,
  [] AS `events.ts`, [] AS `events.name`, [] AS `events.attributes`,
  [] AS `links.trace_id`, [] AS `links.span_id`, [] AS `links.trace_state`, [] AS `links.attributes`
FROM (
  SELECT number, intDiv(number, 10) AS trace, number % 10 AS place, cityHash64(number) % 200 = 0 AS failed
  FROM numbers({first:UInt64}, {count:UInt64})
)
"""
_LOGS = """
INSERT INTO log_rows SELECT
  'default' AS tenant,
  fromUnixTimestamp64Nano(toInt64({start:UInt64} * 1000000000 + number * {step:UInt64})) AS ts, ts AS observed_ts,
  concat('service-', toString(number % 20)) AS service, cityHash64(service) AS resource_id,
  if(failed, 17, 9) AS severity_number, if(failed, 'ERROR', 'INFO') AS severity_text, lower(severity_text) AS level,
  concat('order ', toString(number), ' of customer ', toString(cityHash64(number) % 250), ' was shipped') AS body,
  map('user.id', concat('user-', toString(number % 50000))) AS attr_str,
  map() AS attr_int, map() AS attr_float, map() AS attr_bool, map() AS attr_json,
  toFixedString('', 16) AS trace_id, toFixedString('', 8) AS span_id, 0 AS flags, '' AS event_name,
  'shop' AS scope_name, '1' AS scope_version
FROM (SELECT number, number % 100 = 0 AS failed FROM numbers({first:UInt64}, {count:UInt64}))
"""
_BRUTE_FORCE = (
    "SELECT service, countIf(kind IN ('server', 'consumer')), countIf(status_code = 'error'), "
    "quantile(0.95)(duration_nano) FROM spans WHERE ts >= now() - 86400 GROUP BY service"
)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--millions", type=float, default=10.0, help="spans; a tenth as many log records")
    arguments.add_argument("--repeat", type=int, default=7)
    options = arguments.parse_args()
    print(machine.speed())
    with tempfile.TemporaryDirectory(prefix="sonde-bench-") as folder:
        data = Path(folder) / "data"
        spans = int(options.millions * 1e6)
        started = time.monotonic()
        _on_thread(lambda: fill(data, spans))
        print(f"filled with {spans:,} spans in {time.monotonic() - started:.0f} s")
        with server.running(data=data) as under_test:
            under_test.settle(seconds=60)
            ask(under_test, options.repeat)
    print(machine.speed())


def fill(data: Path, spans: int) -> None:
    """Insert spans and logs in blocks, oldest first, as time would."""
    client: Client = open_embedded(data, EngineCaps()).client
    try:
        start = int(time.time()) - DAY
        for statement, total in ((_SPANS, spans), (_LOGS, spans // 10)):
            step = DAY * 10**9 // total
            for first in range(0, total, BLOCK):
                count = min(BLOCK, total - first)
                client.command(statement, {"start": start, "step": step, "first": first, "count": count})
    finally:
        client.close()


def ask(under_test: server.Server, repeat: int) -> None:
    newest = under_test.json("/traces", limit=1)["traces"][0]["trace_id"]
    oldest = under_test.json("/traces", start="now-24h", end="now-23h", limit=1)["traces"][0]["trace_id"]
    questions: dict[str, tuple[str, dict[str, object]]] = {
        "overview, 1 hour": ("/overview", {"start": "now-1h"}),
        "overview, 24 hours": ("/overview", {"start": "now-24h"}),
        "services, 24 hours": ("/services", {"start": "now-24h"}),
        "traces, newest": ("/traces", {"start": "now-24h"}),
        "traces of a service": ("/traces", {"start": "now-24h", "service": "service-3"}),
        "traces with errors": ("/traces", {"start": "now-24h", "service": "service-3", "status": "error"}),
        "traces by attribute, common": ("/traces", {"start": "now-24h", "attribute": "http.response.status_code>=500"}),
        "traces by attribute, rare": ("/traces", {"start": "now-24h", "attribute": "user.id=user-777"}),
        "traces slower than 500 ms": ("/traces", {"start": "now-24h", "min_duration": "500ms"}),
        "one trace, new": (f"/traces/{newest}", {}),
        "one trace, a day old": (f"/traces/{oldest}", {}),
        "logs, newest": ("/logs", {"start": "now-24h"}),
        "logs with errors": ("/logs", {"start": "now-24h", "level": "error"}),
        "logs, a rare word": ("/logs", {"start": "now-24h", "search": "customer 77 was"}),
        "log histogram, 24 hours": ("/logs/histogram", {"start": "now-24h"}),
        "attribute values": ("/attributes/values", {"signal": "spans", "scope": "span", "key": "http.route"}),
    }
    brute = [_timed(lambda: under_test.sql(_BRUTE_FORCE)) for _ in range(max(2, repeat // 2))]
    brute_seconds = statistics.median(brute)
    for name, (path, parameters) in questions.items():
        seconds, rows = [], 0
        for _ in range(repeat):
            started = time.perf_counter()
            answer = under_test.json(path, **parameters)
            seconds.append(time.perf_counter() - started)
            rows = answer.get("stats", {}).get("rows_read", 0)
        middle, longest = statistics.median(seconds), max(seconds)
        goal = f", {middle / GOAL_SECONDS:.2f} of the goal 1 s" if name.startswith("overview") else ""
        print(
            f"{name:30} p50 {middle * 1e3:7.1f} ms   max {longest * 1e3:7.1f} ms   {rows:>10,} rows read   "
            f"{brute_seconds / middle:6.1f} times as fast as brute force{goal}"
        )
    print(f"{'brute force on raw spans, SQL':30} p50 {brute_seconds * 1e3:7.1f} ms   max {max(brute) * 1e3:7.1f} ms")
    sizes = under_test.disk_bytes()
    rows_of_spans = int(under_test.sql("SELECT count() FROM spans")[0][0])
    print(
        "on disk a span: "
        + ", ".join(f"{t} {sizes[t] / rows_of_spans:.1f} B" for t in ("spans", "trace_index", "red_1m"))
    )


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _on_thread(work: Callable[[], None]) -> None:
    """Run it off the main thread, where the engine is never asked; an error ends the benchmark."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


if __name__ == "__main__":
    main()
