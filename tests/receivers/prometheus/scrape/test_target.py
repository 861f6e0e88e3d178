"""From discovered groups to targets: labels, URLs, intervals, and what is wrong with them."""

from __future__ import annotations

import pytest
from tests.receivers.prometheus.scrape.stage import configs

from sonde.receivers.prometheus.discovery.target_group import TargetGroup
from sonde.receivers.prometheus.scrape.target import offset_nano, targets_of
from sonde.telemetry.labels import labels_of


def found(text, *own, **group):
    targets = tuple(labels_of(labels) for labels in own or ({"__address__": "api:80"},))
    return targets_of(configs(text).jobs[0], [TargetGroup("file:0", targets, labels_of(group))])


def test_a_target_has_the_labels_of_its_group_and_its_own_win():
    [target] = found("", {"__address__": "api:80", "zone": "a"}, zone="b", __meta_file="f", env="x").active
    assert target.labels == labels_of({"env": "x", "instance": "api:80", "job": "api", "zone": "a"})
    assert dict(target.discovered) == {
        "__address__": "api:80", "__meta_file": "f", "__metrics_path__": "/metrics", "__scheme__": "http",
        "__scrape_interval__": "15s", "__scrape_timeout__": "10s", "env": "x", "job": "api", "zone": "a",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "labels", "url"),
    [
        ("", {}, "http://api:80/metrics"),
        ("scheme: https, metrics_path: probe", {}, "https://api:80/probe"),
        ("metrics_path: '/a b?c'", {}, "http://api:80/a%20b%3Fc"),
        ("params: {m: [a, b], z: ['1 2']}", {}, "http://api:80/metrics?m=a&m=b&z=1+2"),
        ("params: {m: [a, b]}", {"__param_m": "c", "__param_n": "d"}, "http://api:80/metrics?m=c&m=b&n=d"),
        ("", {"__metrics_path__": "/own", "__scheme__": "https"}, "https://api:80/own"),
        ("", {"__address__": "[::1]:9100"}, "http://[::1]:9100/metrics"),
    ],
)
def test_the_url_is_made_of_labels(text, labels, url):
    assert [target.url for target in found(text, {"__address__": "api:80", **labels}).active] == [url]


def test_the_blackbox_pattern_works():
    text = """metrics_path: /probe, params: {module: [http_2xx]}, relabel_configs: [
      {source_labels: [__address__], target_label: __param_target},
      {source_labels: [__param_target], target_label: instance},
      {target_label: __address__, replacement: 'blackbox:9115'}]"""
    [target] = found(text, {"__address__": "https://example.org"}).active
    assert target.url == "http://blackbox:9115/probe?module=http_2xx&target=https%3A%2F%2Fexample.org"
    assert target.labels == (("instance", "https://example.org"), ("job", "api"))


def test_the_interval_may_come_from_labels():
    [target] = found("", {"__address__": "a", "__scrape_interval__": "1m30s", "__scrape_timeout__": "2s"}).active
    assert (target.interval_milli, target.timeout_milli) == (90_000, 2_000)


@pytest.mark.parametrize(
    ("labels", "error"),
    [
        ({"__address__": ""}, "no address"),
        ({"__address__": "http://api"}, '"http://api" is not a valid hostname'),
        ({"__scrape_interval__": "soon"}, 'error parsing scrape interval: not a valid duration string: "soon"'),
        ({"__scrape_interval__": "0s"}, "scrape interval cannot be 0"),
        ({"__scrape_timeout__": "0"}, "scrape timeout cannot be 0"),
        ({"__scrape_timeout__": "20s"}, 'scrape timeout cannot be greater than scrape interval ("20s" > "15s")'),
    ],
)
def test_what_cannot_be_scraped_is_said_and_the_others_are_scraped(labels, error):
    result = found("", {"__address__": "good:80"}, {"__address__": "api:80", **labels})
    assert result.errors == (f"target 1 of file:0: {error}",)
    assert [target.url for target in result.active] == ["http://good:80/metrics"]


def test_targets_that_are_the_same_are_one_and_dropped_ones_are_told():
    result = found(
        "relabel_configs: [{source_labels: [zone], regex: b, action: drop}, {regex: zone, action: labeldrop}]",
        {"__address__": "api:80", "zone": "a"}, {"__address__": "api:80", "zone": "c"}, {"__address__": "x:80", "zone": "b"},
    )  # fmt: skip
    assert [target.url for target in result.active] == ["http://api:80/metrics"]
    assert [dict(labels)["__address__"] for labels in result.dropped] == ["x:80"]


def test_targets_are_spread_over_the_interval_in_the_same_way_each_time():
    targets = found("", *({"__address__": f"api{number}:80"} for number in range(1000))).active
    interval = 15 * 10**9
    places = [offset_nano(target, "server", interval) for target in targets]
    assert places == [offset_nano(target, "server", interval) for target in targets]
    quarters = [sum(place * 4 // interval == quarter for place in places) for quarter in range(4)]
    assert min(quarters) > 200
    assert places != [offset_nano(target, "another", interval) for target in targets]
