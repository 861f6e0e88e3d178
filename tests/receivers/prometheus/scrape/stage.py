"""What tests of scraping stand on: a clock with hands, a consumer that keeps what it is given, a server with metrics."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import math
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from sonde.errors import Unavailable
from sonde.receivers.prometheus.discovery.target_group import TargetGroup
from sonde.receivers.prometheus.messages import Request
from sonde.receivers.prometheus.scrape.scraper import Scraper
from sonde.receivers.prometheus.scrape.staleness import STALE_BITS
from sonde.receivers.prometheus.scrape_config import parse_scrape_configs
from sonde.receivers.prometheus.write_check import check
from sonde.receivers.prometheus.write_labels import KnownLabels
from sonde.telemetry.labels import METRIC_NAME, labels_of

SECOND = 10**9
START = 1_800_000_000 * SECOND
STALE = "stale"


class Hands:
    """A clock that goes when it is told to, and tells when all wait for it."""

    def __init__(self):
        self.nano = 0
        self._sleepers: list[tuple[int, asyncio.Future]] = []
        self.changed = asyncio.Condition()

    def wall_nano(self):
        return START + self.nano

    def steady_nano(self):
        return self.nano

    async def sleep_until(self, steady_nano):
        if steady_nano <= self.nano:
            return
        future = asyncio.get_running_loop().create_future()
        self._sleepers.append((steady_nano, future))
        async with self.changed:
            self.changed.notify_all()
        await future

    @property
    def sleepers(self):
        """Those who wait, and until when."""
        self._sleepers = [entry for entry in self._sleepers if not entry[1].done()]
        return self._sleepers

    async def settle(self, count):
        """Wait until so many loops wait for the clock."""
        await asyncio.sleep(0)  # those that were told to leave, leave
        async with self.changed, asyncio.timeout(10):
            await self.changed.wait_for(lambda: len(self.sleepers) == count)

    def wake_next(self):
        """Turn the hands to the next time that somebody waits for."""
        self.nano = min(at for at, _ in self.sleepers)
        for at, future in self.sleepers:
            if at <= self.nano:
                future.set_result(None)

    async def advance(self, seconds, count):
        """Let time pass, beat by beat; ``count`` loops are there all the time."""
        end = self.nano + round(seconds * SECOND)
        await self.settle(count)
        while any(at <= end for at, _ in self.sleepers):
            self.wake_next()
            await self.settle(count)
        self.nano = end


def value_or_word(value):
    bits = int(np.float64(value).view(np.uint64))
    return STALE if bits == STALE_BITS else "NaN" if math.isnan(value) else value


def decode(body):
    """All samples of a request, by series: lists of (milliseconds, value)."""
    checked = check(2, body, KnownLabels())
    assert checked.rejected == 0, checked.message
    assert checked.body == body
    request = Request.FromString(body)
    found = defaultdict(list)
    for series in request.timeseries:
        found[labels_in(request, series.labels_refs)] += [
            (sample.timestamp, value_or_word(sample.value)) for sample in series.samples
        ]
    return {labels: samples for labels, samples in found.items() if samples}


def labels_in(request, references):
    symbols = request.symbols
    return tuple((symbols[n], symbols[v]) for n, v in zip(references[::2], references[1::2], strict=True))


class Kept:
    """A consumer that keeps all bodies, or refuses them."""

    def __init__(self):
        self.bodies = []
        self.refuses = False

    async def consume(self, signal, body, *, tenant):
        if self.refuses:
            raise Unavailable("overload")
        self.bodies.append(body)

    def series(self):
        """Everything that was stored."""
        found = defaultdict(list)
        for body in self.bodies:
            for labels, samples in decode(body).items():
                found[labels] += samples
        return dict(found)

    def values(self, **labels):
        """The values of the one series that has these labels, in order of arrival."""
        labels = {METRIC_NAME if name == "name" else name: value for name, value in labels.items()}
        matches = [each for each in self.series() if set(labels.items()) <= set(each)]
        assert len(matches) == 1, (labels, matches)
        return [value for _, value in self.series()[matches[0]]]


class Exporter:
    """A server whose answer a test sets."""

    def __init__(self):
        self.body = b""
        self.content_type = "text/plain; version=0.0.4"
        self.status = 200
        self.requests = []
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                exporter.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                body = exporter.body() if callable(exporter.body) else exporter.body
                packed = "gzip" in self.headers.get("accept-encoding", "")
                body = gzip.compress(body) if packed else body
                self.send_response(exporter.status)
                self.send_header("content-type", exporter.content_type)
                if packed:
                    self.send_header("content-encoding", "gzip")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Found:
    """A discovery whose targets a test sets; ``publish`` tells of them."""

    def __init__(self, *addresses):
        self.addresses = addresses
        self.publish = None

    async def run(self, publish):
        self.publish = publish
        self.tell(*self.addresses)
        await asyncio.Event().wait()

    def tell(self, *addresses):
        self.publish([TargetGroup("0", tuple(labels_of({"__address__": address}) for address in addresses))])


@contextlib.asynccontextmanager
async def scraping(text, discovery, *, collectors=()):
    """A scraper for one job, the clock it runs by, and what it stores."""
    kept, clock = Kept(), Hands()
    scraper = Scraper(
        kept, "default", clock=clock, server="test", collectors=collectors, discover=lambda _: [discovery]
    )
    await scraper.start(configs(text))
    try:
        yield scraper, kept, clock
    finally:
        await scraper.stop()


def configs(text):
    return parse_scrape_configs("scrape_configs: [{job_name: api, scrape_interval: 15s, " + text + "}]")
