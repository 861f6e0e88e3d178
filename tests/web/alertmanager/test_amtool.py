"""The genuine amtool works on Sonde's API."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.web.alertmanager.serving import serving

pytestmark = pytest.mark.skipif(
    shutil.which("amtool") is None, reason="amtool is not installed: apt-get install prometheus-alertmanager"
)

TEXT = """
global: {slack_api_url: https://hooks.example.org/T/secret-token}
route:
  receiver: rest
  group_wait: 0s
  routes:
    - {matchers: [team=db], receiver: db, continue: true}
    - {matchers: ['team=~"db|web"'], receiver: web}
inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [service]}]
receivers:
  - {name: rest, slack_configs: [{channel: '#all'}]}
  - {name: db, webhook_configs: [{url: 'http://hook.example.org/secret-path'}]}
  - {name: web}
"""
Amtool = Callable[..., str]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("state"), TEXT) as (address, _):
        yield address


@pytest.fixture
def amtool(url: str) -> Amtool:
    def run(*arguments: str, text: str = "") -> str:
        done = subprocess.run(
            ["amtool", f"--alertmanager.url={url}", *arguments],
            input=text,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            env={**os.environ, "HOME": "/nonexistent"},
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    return run


def test_alerts_are_added_and_found(amtool: Amtool) -> None:
    amtool("alert", "add", "Added", "team=web", "--annotation=summary=it is slow", "--generator-url=http://g/")
    amtool("alert", "add", "Added", "team=db")
    found = json.loads(amtool("alert", "query", "alertname=Added", "team=web", "-o", "json"))

    assert [(alert["labels"], alert["annotations"], alert["status"]["state"]) for alert in found] == [
        ({"alertname": "Added", "team": "web"}, {"summary": "it is slow"}, "active")
    ]
    assert "Added" in amtool("alert", "query", "--receiver=db")
    assert "Added" in amtool("alert")


def test_inhibited_alerts_are_shown_on_request(amtool: Amtool) -> None:
    amtool("alert", "add", "Cause", "severity=critical", "service=x")
    amtool("alert", "add", "Effect", "severity=warning", "service=x")

    assert "Effect" not in amtool("alert", "query", "service=x")
    assert "Effect" in amtool("alert", "query", "--inhibited", "service=x")


def test_a_silence_lives_through_all_its_commands(amtool: Amtool) -> None:
    amtool("alert", "add", "Quiet")
    name = amtool("silence", "add", "alertname=Quiet", "--comment=planned", "--author=me", "--duration=1h").strip()
    (silence,) = json.loads(amtool("silence", "query", "alertname=Quiet", "-o", "json"))
    assert (silence["id"], silence["createdBy"], silence["comment"], silence["status"]["state"]) == (
        name,
        "me",
        "planned",
        "active",
    )
    assert "Quiet" not in amtool("alert", "query", "alertname=Quiet")
    assert "Quiet" in amtool("alert", "query", "--silenced", "alertname=Quiet")

    amtool("silence", "update", name, "--duration=2h", "--comment=longer")
    (silence,) = json.loads(amtool("silence", "query", "alertname=Quiet", "-o", "json"))
    assert (silence["id"], silence["comment"]) == (name, "longer")

    exported = amtool("silence", "query", "alertname=Quiet", "-o", "json")
    amtool("silence", "expire", name)
    assert json.loads(amtool("silence", "query", "alertname=Quiet", "-o", "json")) == []
    assert name in amtool("silence", "query", "--expired", "--quiet")

    imported = amtool("silence", "import", "--force", text=exported).strip()
    assert imported not in {"", name}
    assert imported in amtool("silence", "query", "--quiet", "alertname=Quiet")


def test_routes_are_shown_and_tested_without_secrets(amtool: Amtool) -> None:
    assert amtool("config", "routes", "test", "team=db").strip() == "db,web"
    assert amtool("config", "routes", "test", "team=ops").strip() == "rest"
    assert '{team="db"}  continue: true  receiver: db' in amtool("config", "routes", "show")
    assert "secret" not in amtool("config", "show").replace("<secret>", "").replace("secret.invalid", "")


def test_wrong_requests_are_refused_in_alertmanagers_words(url: str) -> None:
    silence = {"matchers": [], "startsAt": "2030-01-01T00:00:00Z", "endsAt": "2031-01-01T00:00:00Z"}
    with httpx.Client(base_url=f"{url}/api/v2") as http:
        for answer, status, said in (
            (http.post("/alerts", json=[{"labels": {}}]), 400, "at least one label pair required"),
            (http.post("/alerts", json=[{}]), 422, {"code": 602, "message": "0.labels in body is required"}),
            (
                http.post("/silences", json={**silence, "createdBy": "", "comment": ""}),
                400,
                "invalid silence: at least one matcher required",
            ),
            (http.post("/silences", json=silence), 422, {"code": 602, "message": "comment in body is required"}),
            (http.get("/alerts", params={"filter": "a"}), 400, "bad matcher format: a"),
            (
                http.get("/alerts", params={"receiver": "("}),
                400,
                "failed to parse receiver param: error parsing regexp: missing closing ): `^(?:()$`",
            ),
            (
                http.get("/silence/x"),
                422,
                {"code": 601, "message": 'silenceID in path must be of type uuid: "x"'},
            ),
        ):
            assert (answer.status_code, answer.json()) == (status, said)
        assert http.get("/silence/00000000-0000-4000-8000-000000000000").status_code == 404
        assert http.get(f"{url}/-/healthy").text == http.get(f"{url}/-/ready").text == "OK"
        assert http.post(f"{url}/-/reload").status_code == 403


def test_groups_have_their_alerts_and_receivers(url: str) -> None:
    with httpx.Client(base_url=f"{url}/api/v2") as http:
        assert http.post("/alerts", json=[{"labels": {"alertname": "G", "team": "db"}}]).status_code == 200
        found = http.get("/alerts/groups", params={"filter": "alertname=G"}).json()

    assert [(group["receiver"]["name"], group["labels"]) for group in found] == [("db", {}), ("web", {})]
    assert [each["name"] for each in found[0]["alerts"][0]["receivers"]] == ["db", "web"]


def test_the_verdicts_on_configurations_are_the_same(tmp_path: Path) -> None:
    from sonde.errors import UserError
    from sonde.notify.configuration import load_configuration

    base = "receivers: [{name: a}]\n"
    for text in (
        f"{base}route: {{receiver: a}}",
        f"{base}route: {{receiver: b}}",
        f"{base}route: {{receiver: a, matchers: [a=b]}}",
        f"{base}route: {{receiver: a, group_by: [a, '...']}}",
        f"{base}route: {{receiver: a, repeat_interval: 0s}}",
        f"{base}route: {{receiver: a, routes: [{{matchers: ['a=~(']}}]}}",
        f"{base}route: {{receiver: a, routes: [{{mute_time_intervals: [none]}}]}}",
        f"{base}route: {{receiver: a}}\ntime_intervals: [{{name: t, time_intervals: [{{weekdays: ['friday:monday']}}]}}]",
        f"{base}route: {{receiver: a}}\nunknown: 1",
        "",
        "route: {receiver: a}\nreceivers: [{name: a, slack_configs: [{channel: x}]}]",
        "route: {receiver: a}\nreceivers: [{name: a, email_configs: [{to: x}]}]",
        "route: {receiver: a}\nreceivers: [{name: a, pagerduty_configs: [{url: 'http://a/'}]}]",
        "route: {receiver: a}\nreceivers: [{name: a, telegram_configs: [{bot_token: x, chat_id: -1}]}]",
    ):
        file = tmp_path / "a.yml"
        file.write_text(text)
        genuine = subprocess.run(["amtool", "check-config", file], capture_output=True, text=True, check=False)
        try:
            load_configuration(file)
            ours = True
        except UserError:
            ours = False
        assert ours == (genuine.returncode == 0), (text, genuine.stdout)


def test_posted_alerts_are_told_in_real_time(tmp_path: Path) -> None:
    with serving(tmp_path, TEXT) as (url, noted):
        httpx.post(f"{url}/api/v2/alerts", json=[{"labels": {"alertname": "Now"}}])
        for _ in range(500):
            if noted.batches:
                break
            time.sleep(0.01)
    assert [(batch.integration, batch.alerts[0].name) for batch in noted.batches] == [("rest/slack/0", "Now")]
