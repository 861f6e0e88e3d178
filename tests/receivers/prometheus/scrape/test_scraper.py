"""Scraping as a whole, by a clock that the test turns: what is stored, and what the view says."""

from __future__ import annotations

from itertools import pairwise

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.exposition import generate_latest
from tests.receivers.prometheus.scrape.stage import STALE, START, Exporter, Found, configs, scraping

from sonde.receivers.collector import counter, gauge
from sonde.receivers.prometheus.scrape_config import parse_scrape_configs

REPORT = {
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
}


@pytest.fixture
def exporter():
    server = Exporter()
    yield server
    server.close()


async def test_a_target_is_scraped_on_its_beat_and_reported_on(exporter):
    registry = CollectorRegistry()
    hits = Counter("hits", "Hits.", ["code"], registry=registry)
    hits.labels("200").inc(3)
    exporter.body = lambda: generate_latest(registry)
    async with scraping("", Found(exporter.address)) as (scraper, kept, clock):
        await clock.advance(15, 1)
        hits.labels("500").inc()
        await clock.advance(30, 1)
        assert kept.values(name="hits_total", code="200", job="api", instance=exporter.address) == [3, 3, 3]
        assert kept.values(name="hits_total", code="500") == [1, 1]
        assert kept.values(name="up") == [1, 1, 1]
        assert kept.values(name="scrape_samples_scraped") == [2, 4, 4]
        assert kept.values(name="scrape_samples_post_metric_relabeling") == [2, 4, 4]
        assert kept.values(name="scrape_series_added") == [2, 2, 0]
        times = [
            time for labels, samples in kept.series().items() for time, _ in samples if ("__name__", "up") in labels
        ]
        assert {later - earlier for earlier, later in pairwise(times)} == {15_000}
        [target] = scraper.active("default")
        assert (target.health, target.last_error, target.interval, target.timeout) == ("up", "", "15s", "10s")
        assert target.last_scrape_unix_nano // 10**6 == times[-1]
        assert {(m.metric, m.type, m.help) for m in scraper.metadata("default")} >= {("hits_total", "counter", "Hits.")}
        assert scraper.active("another") == []
        assert scraper.pools("default") == ["api"]


async def test_the_request_asks_as_prometheus_does(exporter):
    async with scraping("scrape_timeout: 2500ms, params: {m: [a b]}", Found(exporter.address)) as (_, _, clock):
        await clock.advance(15, 1)
    [(path, headers)] = exporter.requests
    assert path == "/metrics?m=a+b"
    assert headers["accept"].startswith("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,")
    assert headers["x-prometheus-scrape-timeout-seconds"] == "2.5"
    assert headers["accept-encoding"] == "gzip"


async def test_a_series_that_vanishes_is_marked_once(exporter):
    exporter.body = b"a 1\nb 2\n"
    async with scraping("", Found(exporter.address)) as (_, kept, clock):
        await clock.advance(15, 1)
        exporter.body = b"a 1\n"
        await clock.advance(30, 1)
        exporter.body = b"a 1\nb 3\n"
        await clock.advance(15, 1)
        assert kept.values(name="b") == [2, STALE, 3]
        assert kept.values(name="a") == [1, 1, 1, 1]
        assert kept.values(name="scrape_series_added") == [2, 0, 0, 1]


@pytest.mark.parametrize(
    ("change", "error", "sizes"),
    [
        ({"status": 500}, "server returned HTTP status 500 Internal Server Error", 0),
        ({"body": b"a 1\nb x\n"}, "2:3: expected a value, found 'x'", 8),
        ({"content_type": "text/html"}, "the target sent content-type 'text/html'", 12),
    ],
)
async def test_a_scrape_that_fails_ends_all_series_and_says_why(exporter, change, error, sizes):
    exporter.body = b"a 1\nb 2\nc 3\n"
    async with scraping("extra_scrape_metrics: true", Found(exporter.address)) as (scraper, kept, clock):
        await clock.advance(15, 1)
        before = dict(vars(exporter))
        for name, value in change.items():
            setattr(exporter, name, value)
        await clock.advance(30, 1)
        [target] = scraper.active("default")
        assert target.health == "down"
        assert target.last_error.startswith(error)
        for name in change:
            setattr(exporter, name, before[name])
        await clock.advance(15, 1)
        assert [kept.values(name=name) for name in "abc"] == [[1, STALE, 1], [2, STALE, 2], [3, STALE, 3]]
        assert kept.values(name="up") == [1, 0, 0, 1]
        assert kept.values(name="scrape_samples_scraped")[0::3] == [3, 3]
        assert kept.values(name="scrape_series_added")[3] == 0
        assert kept.values(name="scrape_body_size_bytes") == [12, sizes, sizes, 12]
        assert kept.values(name="scrape_timeout_seconds") == [10, 10, 10, 10]
        assert scraper.active("default")[0].health == "up"


async def test_a_target_that_nobody_answers_for_is_down(exporter):
    exporter.close()
    async with scraping("", Found(exporter.address)) as (scraper, kept, clock):
        await clock.advance(15, 1)
        assert kept.values(name="up") == [0]
        assert {dict(labels)["__name__"] for labels in kept.series()} == REPORT
        assert scraper.active("default")[0].last_error


@pytest.mark.parametrize(
    ("limit", "error"),
    [
        ("sample_limit: 2", "sample limit exceeded"),
        ("body_size_limit: 10B", "body size limit exceeded"),
        ("label_limit: 3", "label_limit exceeded (metric: c, number of labels: 4, limit: 3)"),
        ("label_name_length_limit: 8", "label_name_length_limit exceeded (metric: c, label name: long_name, length: 9, limit: 8)"),
        ("label_value_length_limit: 16", 'label_value_length_limit exceeded (metric: c, label name: long_name, value: "a very long value", length: 17, limit: 16)'),
        ("target_limit: 1", "target_limit exceeded (number of targets: 2, limit: 1)"),
    ],
)  # fmt: skip
async def test_what_is_beyond_a_limit_is_a_failed_scrape(exporter, limit, error):
    exporter.body = b'a 1\nb 2\nc{long_name="a very long value"} 3\n'
    count = 2 if "target" in limit else 1
    addresses = [exporter.address, exporter.address.replace("127.0.0.1", "localhost")][:count]
    async with scraping(limit, Found(*addresses)) as (scraper, kept, clock):
        await clock.advance(15, count)
        assert [target.last_error for target in scraper.active("default")] == [error] * count
        assert {dict(labels)["__name__"] for labels in kept.series()} == REPORT
        if "sample" in limit:
            assert kept.values(name="scrape_samples_scraped") == [3]
            assert kept.values(name="scrape_samples_post_metric_relabeling") == [3]


async def test_labels_of_samples_are_honored_or_put_aside(exporter):
    exporter.body = b'a{job="mine",exported_job="taken",instance=""} 1\n'
    for text, expected in (
        ("", {"exported_job": "taken", "exported_exported_job": "mine", "job": "api", "instance": exporter.address}),
        ("honor_labels: true", {"exported_job": "taken", "job": "mine"}),
    ):
        async with scraping(text, Found(exporter.address)) as (_, kept, clock):
            await clock.advance(15, 1)
            [labels] = [dict(labels) for labels in kept.series() if ("__name__", "a") in labels]
            assert labels == {"__name__": "a", **expected}


async def test_samples_are_relabelled_dropped_and_counted(exporter):
    exporter.body = b'a{path="/x"} 1\nb 2\nc 3\n'
    rules = """metric_relabel_configs: [
      {source_labels: [__name__], regex: b, action: drop},
      {source_labels: [path], target_label: place, replacement: 'at $1'}, {regex: path, action: labeldrop}]"""
    async with scraping(rules, Found(exporter.address)) as (_, kept, clock):
        await clock.advance(30, 1)
        assert kept.values(name="a", place="at /x") == [1, 1]
        assert not any(("__name__", "b") in labels for labels in kept.series())
        assert kept.values(name="scrape_samples_scraped") == [3, 3]
        assert kept.values(name="scrape_samples_post_metric_relabeling") == [2, 2]
        assert kept.values(name="scrape_series_added") == [2, 0]


async def test_of_samples_of_one_series_the_first_counts(exporter):
    exporter.body = b"a 1\na 2\nb 3\n"
    async with scraping("", Found(exporter.address)) as (_, kept, clock):
        await clock.advance(30, 1)
        assert kept.values(name="a") == [1, 1]
        assert kept.values(name="scrape_samples_post_metric_relabeling") == [3, 3]


async def test_samples_may_say_their_time_if_it_goes_forward(exporter):
    now = START // 10**6
    exporter.body = f"a 1 {now}\nb 2 {now - 5}\nfuture 1 {now + 10**7}\n".encode()
    async with scraping("", Found(exporter.address)) as (_, kept, clock):
        await clock.advance(15, 1)
        exporter.body = f"a 2 {now}\nb 3 {now - 6}\n".encode()
        await clock.advance(15, 1)
        exporter.body = f"a 3 {now + 20}\na 4 {now + 10}\na 5 {now + 30}\n".encode()
        await clock.advance(15, 1)
        stored = {dict(labels)["__name__"]: samples for labels, samples in kept.series().items()}
        assert stored["a"] == [(now, 1), (now + 20, 3), (now + 30, 5)]
        assert stored["b"] == [(now - 5, 2)]  # out of order, and when it vanishes there is no marker
        assert "future" not in stored


async def test_times_are_not_honored_or_tracked_if_the_job_says_so(exporter):
    now = START // 10**6
    exporter.body = f"a 1 {now}\n".encode()
    async with scraping("track_timestamps_staleness: true", Found(exporter.address)) as (_, kept, clock):
        await clock.advance(15, 1)
        exporter.body = b"b 1\n"
        await clock.advance(15, 1)
        assert kept.values(name="a") == [1, STALE]
    exporter.body = f"a 1 {now}\n".encode()
    async with scraping("honor_timestamps: false", Found(exporter.address)) as (_, kept, clock):
        await clock.advance(30, 1)
        [samples] = [samples for labels, samples in kept.series().items() if ("__name__", "a") in labels]
        assert samples[1][0] - samples[0][0] == 15_000


async def test_a_target_that_goes_away_is_marked_two_intervals_later(exporter):
    exporter.body = b"a 1\n"
    found = Found(exporter.address)
    async with scraping("", found) as (scraper, kept, clock):
        await clock.advance(15, 1)
        found.tell()
        assert scraper.active("default") == []
        [loop] = scraper._pools["api"].loops()
        await clock.settle(1)
        clock.wake_next()  # the next scrape would have been
        await clock.settle(1)
        assert kept.values(name="a") == [1]
        clock.wake_next()  # another one, and a tenth of an interval
        await loop.ended()
        assert kept.values(name="a") == [1, STALE]
        assert kept.values(name="up") == [1, STALE]
        [samples] = [samples for labels, samples in kept.series().items() if ("__name__", "a") in labels]
        assert samples[1][0] - samples[0][0] == 15_000


async def test_a_target_that_was_away_for_a_moment_is_not_marked(exporter):
    exporter.body = b"a 1\n"
    found = Found(exporter.address)
    async with scraping("", found) as (scraper, kept, clock):
        await clock.advance(15, 1)
        found.tell()
        found.tell(exporter.address)
        [left] = scraper._pools["api"]._ending
        for _ in range(3):  # two scrapes of the new loop, and then the old one's time has come
            await clock.settle(2)
            clock.wake_next()
        await left.ended()
        assert STALE not in kept.values(name="a")
        assert STALE not in kept.values(name="up")


async def test_what_the_store_refuses_is_said_and_made_up_for(exporter):
    exporter.body = b"a 1\nb 2\n"
    async with scraping("", Found(exporter.address)) as (scraper, kept, clock):
        await clock.advance(15, 1)
        kept.refuses, exporter.body = True, b"a 1\n"
        await clock.advance(15, 1)
        [target] = scraper.active("default")
        assert (target.health, target.last_error) == ("down", "the samples were not stored: overload")
        kept.refuses = False
        await clock.advance(15, 1)
        assert kept.values(name="b") == [2, STALE]  # the marker that was lost comes with the next scrape
        assert kept.values(name="a") == [1, 1]


async def test_stopping_marks_nothing(exporter):
    exporter.body = b"a 1\n"
    async with scraping("", Found(exporter.address)) as (_, kept, clock):
        await clock.advance(15, 1)
    assert kept.values(name="a") == [1]


async def test_a_reload_keeps_what_stays_and_changes_what_does_not(exporter):
    exporter.body = b"a 1\nb 2\n"
    async with scraping("", Found(exporter.address)) as (scraper, kept, clock):
        await clock.advance(15, 1)
        [before] = scraper._pools["api"].active()
        await scraper.reload(configs(""))
        assert list(scraper._pools["api"].active()) == [before]
        drop = "metric_relabel_configs: [{source_labels: [__name__], regex: b, action: drop}]"
        await scraper.reload(configs(drop))
        await clock.advance(15, 1)
        assert kept.values(name="a") == [1, 1]
        assert kept.values(name="b") == [2, STALE]
        assert kept.values(name="up") == [1, 1]


async def test_a_job_that_is_taken_out_ends_its_series(exporter):
    exporter.body = b"a 1\n"
    async with scraping("", Found(exporter.address)) as (scraper, kept, clock):
        await clock.advance(15, 1)
        [loop] = scraper._pools["api"].loops()
        await scraper.reload(parse_scrape_configs("scrape_configs: []"))
        assert scraper.pools("default") == []
        for _ in range(2):
            await clock.settle(1)
            clock.wake_next()
        await loop.ended()
        assert kept.values(name="a") == [1, STALE]


async def test_dropped_targets_are_told_up_to_a_number(exporter):
    text = "keep_dropped_targets: 1, relabel_configs: [{source_labels: [__address__], regex: 'x.*', action: drop}]"
    async with scraping(text, Found("x1:80", "x2:80", exporter.address)) as (scraper, _, clock):
        await clock.settle(1)
        [dropped] = scraper.dropped("default")
        assert dict(dropped.discovered) == {
            "__address__": "x1:80", "__metrics_path__": "/metrics", "__scheme__": "http", "job": "api",
            "__scrape_interval__": "15s", "__scrape_timeout__": "10s",
        }  # fmt: skip
        assert scraper.dropped_counts("default") == {"api": 2}
        assert [target.labels for target in scraper.active("default")] == [
            (("instance", exporter.address), ("job", "api"))
        ]


class Thermometer:
    job, instance = "node", "here"
    places: tuple[str, ...] = ("in", "out")

    async def collect(self):
        if not self.places:
            raise RuntimeError("it fell down")
        return [
            gauge("temperature", "Now.", [({"place": place}, 20) for place in self.places]),
            counter("looks_total", "Looks.", 1),
        ]

    async def close(self):
        pass


async def test_collectors_inside_are_targets_too(exporter, caplog):
    thermometer = Thermometer()
    async with scraping("", Found(), collectors=[(thermometer, 5_000)]) as (scraper, kept, clock):
        await clock.advance(5, 1)
        thermometer.places = ("in",)
        await clock.advance(5, 1)
        assert kept.values(name="temperature", place="in", job="node", instance="here") == [20, 20]
        assert kept.values(name="temperature", place="out") == [20, STALE]
        assert kept.values(name="up", job="node") == [1, 1]
        [target] = scraper.active("default")
        assert (target.pool, target.url, target.interval, target.timeout) == ("node", "sonde://node", "5s", "5s")
        assert scraper.pools("default") == ["api", "node"]
        thermometer.places = ()
        await clock.advance(5, 1)
        assert kept.values(name="temperature", place="in") == [20, 20, STALE]
        assert kept.values(name="up", job="node") == [1, 1, 0]
        assert "it fell down" in caplog.text
