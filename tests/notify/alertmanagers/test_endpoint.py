"""Which URLs alerts are posted to: defaults, groups' labels, relabelling; who is dropped, and what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from sonde.notify.alertmanagers.alerting_config import AlertingConfig, AlertmanagerConfig
from sonde.notify.alertmanagers.endpoint import Endpoints, endpoints_of
from sonde.receivers.prometheus.discovery.target_group import TargetGroup
from sonde.telemetry.labels import labels_of


def found(config: dict[str, Any], *targets: dict[str, str], labels: dict[str, str] | None = None) -> Endpoints:
    section = AlertmanagerConfig.model_validate(config)
    groups = [TargetGroup("0", tuple(map(labels_of, targets)), labels_of(labels or {}))]
    return endpoints_of(section, AlertingConfig().rules(section.relabel_configs), groups)


AM = {"__address__": "am:9093"}


@pytest.mark.parametrize(
    ("config", "target", "labels", "url"),
    [
        ({}, AM, {}, "http://am:9093/api/v2/alerts"),
        ({"scheme": "https"}, AM, {}, "https://am:9093/api/v2/alerts"),
        ({}, {"__address__": "am"}, {}, "http://am/api/v2/alerts"),
        ({}, {"__address__": "[::1]:9093"}, {}, "http://[::1]:9093/api/v2/alerts"),
        ({"path_prefix": "alertmanager"}, AM, {}, "http://am:9093/alertmanager/api/v2/alerts"),
        ({"path_prefix": "/a/"}, AM, {}, "http://am:9093/a/api/v2/alerts"),
        ({"path_prefix": "//a/./b/../c"}, AM, {}, "http://am:9093/a/c/api/v2/alerts"),
        ({"path_prefix": "/a b?"}, AM, {}, "http://am:9093/a%20b%3F/api/v2/alerts"),
        # A target's own word counts less than the section's, and this less than its group's.
        ({}, {**AM, "__scheme__": "https"}, {}, "http://am:9093/api/v2/alerts"),
        ({}, AM, {"__scheme__": "https"}, "https://am:9093/api/v2/alerts"),
        ({}, {**AM, "__scheme__": "https"}, {"__scheme__": "https"}, "http://am:9093/api/v2/alerts"),
        ({}, AM, {"__alerts_path__": "/x"}, "http://am:9093/x"),
        ({}, AM, {"__alerts_path__": "x"}, "http://am:9093/x"),
    ],
)
def test_the_url_of_an_alertmanager(config: Any, target: Any, labels: Any, url: str) -> None:
    assert found(config, target, labels=labels) == Endpoints((url,), (), ())


def test_relabelling_drops_and_moves_alertmanagers() -> None:
    config = {
        "relabel_configs": [
            {"source_labels": ("__meta_role",), "regex": "spare", "action": "drop"},
            {
                "source_labels": ("__address__",),
                "regex": "(.*):80",
                "target_label": "__address__",
                "replacement": "$1:9093",
            },
            {"source_labels": ("__meta_path",), "regex": "(.+)", "target_label": "__alerts_path__"},
        ]
    }
    targets = [
        {"__address__": "a:80"},
        {"__address__": "b:80", "__meta_role": "spare"},
        {"__address__": "c:1", "__meta_path": "/alerts"},
    ]
    assert found(config, *targets) == Endpoints(
        active=("http://a:9093/api/v2/alerts", "http://c:1/alerts"), dropped=("http://b:80/api/v2/alerts",), errors=()
    )


def test_each_is_told_once() -> None:
    assert found({}, {**AM, "zone": "a"}, {**AM, "zone": "b"}).active == ("http://am:9093/api/v2/alerts",)


def test_a_wrong_address_is_said_and_does_not_hurt_others() -> None:
    given = found({}, {"__address__": "http://am"}, {"zone": "a"}, AM)
    assert given.active == ("http://am:9093/api/v2/alerts",)
    assert given.errors == (
        'Alertmanager 0 of 0: "http://am" is not a valid hostname',
        "Alertmanager 1 of 0: no address",
    )
