"""`sonde alerts` against a real API of Alertmanager's, side by side with amtool; acknowledging against a small server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from tests.cli.conftest import Api, Sonde
from tests.cli.entering import entered
from tests.cli.test_silence import amtool, needs_amtool
from tests.web.alertmanager.serving import serving

TEXT = """
route: {receiver: all, group_wait: 0s, routes: [{matchers: [team=web], receiver: web}]}
inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [service]}]
receivers: [{name: all}, {name: web}]
"""
ALERTS = [
    {
        "labels": {"alertname": "Slow", "team": "web", "path": 'a "b"'},
        "annotations": {"summary": "it is slow", "b": "c"},
        "startsAt": "2026-01-01T00:00:00Z",
        "endsAt": "2040-01-01T00:00:00Z",
        "generatorURL": "http://g.example/graph",
    },
    {
        "labels": {"alertname": "Gone", "service": "s", "severity": "critical"},
        "startsAt": "2026-01-01T00:00:01Z",
        "endsAt": "2040-01-01T00:00:00Z",
    },
    {
        "labels": {"alertname": "Late", "service": "s", "severity": "warning"},
        "startsAt": "2026-01-01T00:00:02Z",
        "endsAt": "2040-01-01T00:00:00Z",
    },
]
FINGERPRINT = "0123456789abcdef"


@pytest.fixture
def sonde(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sonde:
    return entered(monkeypatch, capsys)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("state"), TEXT) as (address, _):
        assert httpx.post(f"{address}/api/v2/alerts", json=ALERTS).status_code == 200
        yield address.removesuffix("/alertmanager")


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((), ["Slow", "Gone"]),
        (("Slow",), ["Slow"]),
        (("alertname=~S.*|G.*", "team!=web"), ["Gone"]),
        (("--inhibited",), ["Late"]),
        (("--receiver", "w.*"), ["Slow"]),
        (("--silenced",), []),
    ],
)
def test_alerts_are_asked_for_by_labels_and_state(
    arguments: tuple[str, ...], names: list[str], sonde: Sonde, url: str
) -> None:
    lines = sonde("alerts", "query", *arguments, SONDE_URL=url).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["Alertname", *names]


@needs_amtool
@pytest.mark.parametrize("arguments", [("-o", "simple"), ("-o", "extended"), ("-i", "-a", "service=s")])
def test_answers_have_amtools_shape(arguments: tuple[str, ...], sonde: Sonde, url: str) -> None:
    ours = sonde("alerts", "query", *arguments, SONDE_URL=url).stdout
    assert ours == amtool(url, "alert", "query", *arguments)


@needs_amtool
def test_json_is_the_apis_own(sonde: Sonde, url: str) -> None:
    ours = json.loads(sonde("alerts", "query", "-o", "json", SONDE_URL=url).stdout)
    assert [alert["labels"] for alert in ours] == [alert["labels"] for alert in ALERTS[:2]]
    theirs = json.loads(amtool(url, "alert", "query", "-o", "json"))
    for alert in ours:
        alert["status"].pop("mutedBy")  # which Debian's amtool does not know yet
    assert sorted(ours, key=str) == sorted(theirs, key=str)


def test_an_alert_is_acknowledged_by_its_fingerprint(sonde: Sonde, api: Api) -> None:
    path = f"/api/v1/alerts/{FINGERPRINT}/acknowledge"
    api.answer(path, {"fingerprint": FINGERPRINT})
    result = sonde(
        "alerts", "ack", FINGERPRINT, "-c", "on it", "-a", "Zoë", "--for", "2h", "--server", api.url, "--key", "k"
    )
    [(method, asked, headers, body)] = api.asked
    assert (method, asked, headers["authorization"]) == ("POST", path, "Bearer k")
    assert json.loads(body) == {"comment": "on it", "by": "Zoë", "for": "2h"}
    assert (result.returncode, result.stdout) == (0, f"{FINGERPRINT}\n")


def test_alerts_are_acknowledged_by_their_labels(sonde: Sonde, api: Api) -> None:
    found = [
        {"fingerprint": f"{number:016x}", "labels": {"alertname": "Slow", "pod": str(number)}, "startsAt": str(number)}
        for number in (1, 2)
    ]
    api.answer("/alertmanager/api/v2/alerts", found)
    for each in found:
        api.answers[f"/api/v1/alerts/{each['fingerprint']}/acknowledge"] = (204, "application/json", b"")
    result = sonde("alerts", "ack", "Slow", "service=shop", SONDE_URL=api.url)
    assert "filter=alertname%3D%22Slow%22&filter=service%3D%22shop%22" in api.asked[0][1]
    assert result.stdout == ('0000000000000001  alertname="Slow" pod="1"\n0000000000000002  alertname="Slow" pod="2"\n')


def test_what_does_not_fire_cannot_be_acknowledged(sonde: Sonde, api: Api) -> None:
    api.answer("/alertmanager/api/v2/alerts", [])
    assert "no alert fires with these labels" in sonde("alerts", "ack", "Slow", SONDE_URL=api.url).stderr
    error = {"code": "not_found", "message": "no such alert fires", "hint": ""}
    api.answer(f"/api/v1/alerts/{FINGERPRINT}/acknowledge", {"error": error}, status=404)
    result = sonde("alerts", "ack", FINGERPRINT, SONDE_URL=api.url)
    assert (result.returncode, result.stderr) == (2, f"sonde: {FINGERPRINT}: no such alert fires\n")
