"""What each service is sent, as golden files: one a service, with a section for each batch.

``pytest --golden`` writes what the code gives into the files; read the difference before keeping it.
"""

import hashlib
import json
from pathlib import Path

import pytest
import yaml
from tests.notify.notifiers.recording import web
from tests.notify.notifiers.sending import BATCHES, FIRING, LONG, MANY, NOW, notifier, told
from tests.notify.notifiers.services import SERVICES

from sonde.errors import UserError
from sonde.notify.configuration import parse_configuration
from sonde.notify.message_templates import MessageTemplates
from sonde.notify.notifiers import KINDS, HttpClients, build, refused

FOLDER = Path(__file__).parent / "golden"
SHOWN = {"accept-encoding", "connection", "content-length", "host", "user-agent"}
"""Headers that are the same for all."""


def named(service):
    return f"{service.kind}_v1" if service.url_constant == "pagerduty.V1_URL" else service.kind


def shortened(value):
    """Long texts as their beginning, their end and their number of characters."""
    match value:
        case dict():
            return {key: shortened(each) for key, each in value.items()}
        case list():
            return [shortened(each) for each in value[:2]] + ([f"and {len(value) - 2} more"] if len(value) > 2 else [])
        case str() if len(value) > 1000:
            return f"{value[:60]} [{len(value)} characters, {hashlib.sha256(value.encode()).hexdigest()[:8]}] {value[-60:]}"
        case _:
            return value


def shown(sent, *, whole):
    body = sent.form if "form" in sent.headers.get("content-type", "") else sent.json
    headers = {name: value for name, value in sent.headers.items() if name not in SHOWN}
    return {"request": f"{sent.method} {sent.target}", "headers": headers, "body": body if whole else shortened(body)}


@pytest.mark.parametrize("service", SERVICES, ids=named)
async def test_a_service_is_sent_what_its_golden_file_says(service, monkeypatch, request):
    found = {}
    async with web(service.answer) as server:
        if service.url_constant:
            monkeypatch.setattr(f"sonde.notify.notifiers.{service.url_constant}", f"{server.base}/fixed")
        async with notifier(service.kind, service.at(server.base)) as one:
            for name, batch in BATCHES.items():
                assert (await one.notify(batch)).error == ""
                found[name] = [shown(sent, whole=name in {"firing", "resolved", "utf8"}) for sent in server.sent]
                server.sent.clear()
    file = FOLDER / f"{named(service)}.json"
    if request.config.getoption("--golden"):
        file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert found == json.loads(file.read_text(encoding="utf-8"))


def test_every_kind_is_in_the_table_of_services_or_has_tests_of_its_own():
    assert {service.kind for service in SERVICES} | {"email", "apprise"} == set(KINDS)


def test_what_is_not_sent_is_refused():
    assert {"wechat_configs", "sns_configs", "jira_configs"} <= set(refused())
    assert not {f"{kind}_configs" for kind in KINDS if kind != "apprise"} & set(refused())


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("wechat", {"api_secret": "s", "corp_id": "c"}),
        ("sns", {"topic_arn": "arn:x", "sigv4": {"region": "a"}}),
        ("jira", {"project": "p", "issue_type": "t", "api_url": "https://j.example"}),
    ],
)
def test_a_kind_that_is_not_sent_is_refused_with_its_place_when_the_file_is_read(kind, config):
    text = yaml.safe_dump({"receivers": [{"name": "a", f"{kind}_configs": [config]}], "route": {"receiver": "a"}})
    with pytest.raises(UserError, match=rf"alertmanager\.yml:\d+:\d+: {kind}_configs is not supported: nobody here"):
        parse_configuration(text, refused=refused())
    with pytest.raises(UserError, match=rf"a/{kind}/0: {kind}_configs is not supported: nobody here"):
        build(parse_configuration(text), MessageTemplates(), "", lambda: NOW, HttpClients(lambda: NOW))


async def sent_by(kind, config, batch):
    async with web() as server:
        await told(kind, {key: value.replace("BASE", server.base) for key, value in config.items()}, batch)
        return server.sent


async def test_a_webhook_gets_at_most_max_alerts_and_their_common_labels():
    async with web() as server:
        assert (await told("webhook", {"url": server.base, "max_alerts": 1}, FIRING)).delivered
    [sent] = server.sent
    assert (len(sent.json["alerts"]), sent.json["truncatedAlerts"]) == (1, 1)
    assert sent.json["commonLabels"]["instance"] == "a:1"


async def test_a_url_is_a_template():
    async with web() as server:
        assert (await told("webhook", {"url": f"{server.base}/{{{{ .CommonLabels.job }}}}"})).delivered
    assert [sent.target for sent in server.sent] == ["/api"]


async def test_teams_is_sent_no_more_than_it_takes():
    for kind in ("msteams", "msteamsv2"):
        for batch in (LONG, MANY):
            [sent] = await sent_by(kind, {"webhook_url": "BASE/x"}, batch)
            assert 20_000 < len(sent.body) <= 28 * 1024


async def test_telegram_gets_markdown_that_had_to_be_cut_as_plain_text():
    async with web() as server:
        config = {"api_url": server.base, "bot_token": "1:a", "chat_id": 1, "parse_mode": "MarkdownV2"}
        await told("telegram", config, FIRING)
        await told("telegram", config, LONG)
    first, second = (sent.json for sent in server.sent)
    assert (first["parse_mode"], "parse_mode" in second) == ("MarkdownV2", False)
    assert (len(second["text"]), second["text"][-1]) == (4096, "…")


async def test_pagerduty_loses_the_details_of_an_event_that_is_too_large():
    async with web() as server:
        config = {"url": server.base, "routing_key": "k", "details": {"all": '{{ printf "%600000s" "x" }}'}}
        await told("pagerduty", config, FIRING)
    [sent] = server.sent
    assert list(sent.json["payload"]["custom_details"]) == ["error"]


async def test_a_template_that_fails_sends_nothing_and_is_not_tried_again():
    async with web() as server:
        result = await told("slack", {"api_url": server.base, "title": "{{ .Nothing }}"})
    assert (server.sent, result.retry) == ([], False)
    assert "can't evaluate field Nothing" in result.error
