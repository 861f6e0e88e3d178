"""What messages say beside their alerts: links, the graph and what changed, in the form that each service has for it.

All of it together stands in ``golden/context.json``; ``pytest --golden`` writes it.
"""

import json
import logging
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from tests.notify.notifiers.recording import post, reply, web
from tests.notify.notifiers.sending import FIRING, LONG, MANY, notifier, told
from tests.notify.notifiers.services import SECRET, SERVICES
from tests.notify.notifiers.test_apprise import needs_apprise
from tests.notify.notifiers.test_payloads import named

from sonde.notify.message_context import MessageContext
from sonde.notify.notifiers.additions import MARKDOWN, SLACK, TELEGRAM_MARKDOWN_2, addition, is_address, links_of

GOLDEN = Path(__file__).parent / "golden" / "context.json"
PNG = b"\x89PNG\r\n\x1a\n--not really\r\n"
TOKEN = "t0ken-of-an-acknowledgement"
CONTEXT = MessageContext(
    acknowledge_url=f"https://sonde.example/acknowledge/{TOKEN}",
    silence_url="https://sonde.example/alerts/silences/new?matcher=alertname%3D%22Down%22&a=b",
    runbook_url="https://run.example/down_(api)",
    graph_png=PNG,
    graph_url="https://sonde.example/graphs/1.png?sig=0123456789abcdef&at=2",
    changes=("release 1.2.3 of <api> at 12:28", "error_rate [5xx] *up* from `1 %` to `9 %` & more"),
)
RICH = replace(FIRING, context=CONTEXT)
LINKED = replace(FIRING, context=replace(CONTEXT, graph_png=b""))
"""Without a picture of its own: services fetch it."""


def parts(sent):
    """The body; forms with files as their fields."""
    kind = sent.headers.get("content-type", "")
    if kind.startswith("application/json"):
        return sent.json
    if kind.startswith("application/x-www-form-urlencoded"):
        return sent.form
    whole = message_from_bytes(f"content-type: {kind}\r\n\r\n".encode() + sent.body, policy=policy.HTTP)
    found = {}
    for part in whole.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_content()
        if isinstance(content, bytes):
            assert content == PNG
            content = f"file {part.get_filename()} of {part.get_content_type()}"
        elif content.startswith("{"):
            content = json.loads(content)
        found[name] = content
    return found


async def first_sent(service, batch, monkeypatch, **more):
    async with web(service.answer) as server:
        if service.url_constant:
            monkeypatch.setattr(f"sonde.notify.notifiers.{service.url_constant}", f"{server.base}/fixed")
        result = await told(service.kind, {**service.at(server.base), **more}, batch)
        assert result.error == ""
    return server.sent[0]


def service_of(name):
    return next(each for each in SERVICES if named(each) == name)


async def test_everything_is_shown_as_the_golden_file_says(monkeypatch, request):
    found = {}
    for service in SERVICES:
        for title, batch in (("with a picture", RICH), ("with a link to it", LINKED)):
            sent = await first_sent(service, batch, monkeypatch)
            found.setdefault(named(service), {})[title] = {
                "request": f"{sent.method} {sent.target}",
                "body": parts(sent),
            }
    if request.config.getoption("--golden"):
        GOLDEN.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8"))


async def test_a_webhook_is_alertmanagers_and_nothing_else(monkeypatch):
    plain, rich = [await first_sent(service_of("webhook"), batch, monkeypatch) for batch in (FIRING, RICH)]
    assert plain.body == rich.body


def texts(value):
    """All texts of a document, one behind the other."""
    match value:
        case dict():
            return "".join(map(texts, value.values()))
        case list():
            return "".join(map(texts, value))
        case _:
            return str(value)


@pytest.mark.parametrize("batch", [MANY, LONG], ids=["many", "long"])
@pytest.mark.parametrize(
    ("name", "text_of", "limit"),
    [
        ("telegram", lambda body: len(body["text"]), 4096),
        ("pushover", lambda body: len(body["message"]), 1024),
        ("ntfy", lambda body: len(body["message"].encode()), 4096),
        ("webex", lambda body: len(body["markdown"].encode()), 7439),
        ("msteams", lambda body: len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()), 28 * 1024),
        (
            "msteamsv2",
            lambda body: len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()),
            28 * 1024,
        ),
        ("discord", lambda body: len(texts(body.get("payload_json", body)["embeds"])), 6000),
    ],
)
async def test_limits_hold_with_all_that_is_added(name, text_of, limit, batch, monkeypatch):
    context = replace(CONTEXT, changes=("x" * 1000, "ü" * 1000) * 20)
    body = parts(await first_sent(service_of(name), replace(batch, context=context), monkeypatch))
    assert limit * 0.7 < text_of(body) <= limit


async def test_telegram_sends_a_photo_only_when_the_text_fits_below_it(monkeypatch):
    for batch, method in ((FIRING, "sendPhoto"), (MANY, "sendMessage")):
        sent = await first_sent(service_of("telegram"), replace(batch, context=CONTEXT), monkeypatch)
        assert sent.target.endswith(method)


async def test_telegram_has_links_to_short_names_in_its_text_because_it_refuses_such_buttons(monkeypatch):
    context = MessageContext(acknowledge_url="http://localhost:3000/acknowledge/x", runbook_url="http://10.0.0.1/r")
    sent = await first_sent(service_of("telegram"), replace(FIRING, context=context), monkeypatch)
    assert sent.json["reply_markup"] == {"inline_keyboard": [[{"text": "Runbook", "url": "http://10.0.0.1/r"}]]}
    assert sent.json["text"].endswith('\n\n<a href="http://localhost:3000/acknowledge/x">Acknowledge</a>')


@pytest.mark.parametrize("parse_mode", ["Markdown", "MarkdownV2", ""])
async def test_telegram_cut_markdown_is_plain_with_what_is_added(parse_mode, monkeypatch):
    service = service_of("telegram")
    sent = await first_sent(service, replace(LONG, context=LINKED.context), monkeypatch, parse_mode=parse_mode)
    assert "parse_mode" not in sent.json
    assert sent.json["text"].endswith("`1 %` to `9 %` & more")


async def test_slack_has_links_as_fields_when_there_are_too_many_buttons(monkeypatch):
    actions = [{"type": "button", "text": str(number), "url": "https://a.org"} for number in range(3)]
    [attachment] = (await first_sent(service_of("slack"), RICH, monkeypatch, actions=actions, fields=[])).json[
        "attachments"
    ]
    assert [action["text"] for action in attachment["actions"]] == ["0", "1", "2"]
    assert [field["title"] for field in attachment["fields"]] == ["What changed", "Acknowledge", "Silence", "Runbook"]


@pytest.mark.parametrize(
    ("kind", "config", "shown"),
    [
        ("slack", {"image_url": "https://own.example/i.png"}, ("attachments", 0, "image_url")),
        ("pushover", {"url": "https://own.example/i.png"}, ("url",)),
    ],
)
async def test_what_is_configured_goes_first(kind, config, shown, monkeypatch):
    found = parts(await first_sent(service_of(kind), LINKED, monkeypatch, **config))
    for key in shown:
        found = found[key]
    assert found == "https://own.example/i.png"


async def test_pagerduty_shows_no_images_over_http(monkeypatch):
    context = MessageContext(graph_url="http://sonde.example/graph.png")
    sent = await first_sent(service_of("pagerduty"), replace(FIRING, context=context), monkeypatch, images=[])
    assert "images" not in sent.json


@pytest.mark.parametrize(
    "url", ["see the wiki", "javascript:alert(1)", "https://", "http://[", "https://a.org/ b", "/x"]
)
def test_what_nobody_can_press_is_no_link(url):
    assert not is_address(url)
    assert links_of(MessageContext(runbook_url=url)) == ()


@pytest.mark.parametrize(
    ("form", "change", "shown"),
    [
        (SLACK, "a <b> & c", "• a &lt;b&gt; &amp; c"),
        (MARKDOWN, "a_b [c](d)", "- a\\_b \\[c\\](d)"),
        (TELEGRAM_MARKDOWN_2, "1.2 > 1-1!", "• 1\\.2 \\> 1\\-1\\!"),
        (SLACK, "two\nlines", "• two lines"),
    ],
)
def test_changes_cannot_bring_marks_of_their_own(form, change, shown):
    assert addition(MessageContext(changes=(change,)), form, 1000, links=()).splitlines()[-1] == shown


@pytest.mark.parametrize("kind", ["slack", "telegram", "discord", "pushover", "ntfy", "opsgenie", "msteamsv2", "webex"])
async def test_what_a_service_refuses_beside_an_alert_does_not_cost_the_alert(kind, monkeypatch, caplog):
    def answer(sent):
        return reply(400, f"invalid {sent.body!r}") if TOKEN.encode() in sent.body else service.answer

    service = service_of(kind)
    with caplog.at_level(logging.WARNING):
        async with web(answer) as server:
            if service.url_constant:
                monkeypatch.setattr(f"sonde.notify.notifiers.{service.url_constant}", f"{server.base}/fixed")
            result = await told(kind, service.at(server.base), RICH)
    assert result.delivered
    assert "took a message only without links, graph and changes" in caplog.text
    assert TOKEN not in caplog.text


async def test_a_refusal_of_the_message_itself_is_told_once_and_final():
    async with web(reply(404, "no such hook")) as server:
        result = await told("discord", {"webhook_url": server.base}, RICH)
    assert (result.error, result.retry, len(server.sent)) == ("unexpected status code 404: no such hook", False, 2)


async def test_a_service_that_is_busy_is_not_asked_again_at_once():
    async with web(reply(503)) as server:
        assert (await told("discord", {"webhook_url": server.base}, RICH)).retry
    assert len(server.sent) == 1


@pytest.mark.parametrize("service", SERVICES, ids=named)
async def test_signed_links_are_told_to_nobody(service, monkeypatch, caplog):
    with caplog.at_level(logging.DEBUG):
        async with web(lambda sent: reply(500, f"{sent.target} {sent.body.decode('utf-8', 'replace')}")) as server:
            if service.url_constant:
                monkeypatch.setattr(f"sonde.notify.notifiers.{service.url_constant}", f"{server.base}/{SECRET}")
            async with notifier(service.kind, service.at(server.base)) as one:
                said = repr([await one.notify(RICH), [*map(repr, one.requests(RICH))]])
    for secret in (SECRET, TOKEN, "0123456789abcdef"):
        assert secret not in said + caplog.text


# E-mail

MAIL = {"require_tls": False, "from": "Sonde <sonde@example.org>", "to": "ops@example.org"}


async def mailed(config, batch=RICH):
    async with post() as server:
        assert (await told("email", {**MAIL, "smarthost": server.address, **config}, batch)).error == ""
    [mail] = server.mails
    return mail.message


async def test_a_mail_has_links_changes_and_the_graph_in_its_text():
    message = await mailed({})
    page, image = message.iter_parts()
    html = page.get_content()
    assert message.get_content_type() == "multipart/related"
    assert f'<a href="https://sonde.example/acknowledge/{TOKEN}">Acknowledge</a>' in html
    assert "release 1.2.3 of &lt;api&gt; at 12:28" in html
    assert f'<img src="cid:{image["Content-ID"].strip("<>")}"' in html
    assert (image.get_content(), image.get_content_type(), image.get_content_disposition()) == (
        PNG,
        "image/png",
        "inline",
    )
    assert html.index("Acknowledge") < html.index("it &lt;is&gt; down") < html.index("What changed")


async def test_a_mail_of_both_kinds_says_it_in_both():
    message = await mailed({"text": "{{ .Status }}"})
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
    ]
    plain = message.get_body(("plain",)).get_content().replace("\r\n", "\n")
    assert plain.startswith("firing\n\nWhat changed:\n• release 1.2.3 of <api> at 12:28\n")
    assert f"\nAcknowledge: https://sonde.example/acknowledge/{TOKEN}\n" in plain


async def test_a_mail_without_html_has_the_graph_attached():
    message = await mailed({"text": "{{ .Status }}", "html": ""})
    assert [part.get_filename() for part in message.iter_attachments()] == ["graph.png"]


async def test_a_page_without_a_body_gets_it_around():
    html = (await mailed({"html": "<p>Down</p>"})).get_body(("html",)).get_content()
    assert html.index("Acknowledge") < html.index("<p>Down</p>") < html.index("What changed") < html.index("cid:")


# Apprise


@needs_apprise
@pytest.mark.parametrize(
    ("format_", "link"),
    [
        ("text", f"Acknowledge: https://sonde.example/acknowledge/{TOKEN}"),
        ("markdown", f"[Acknowledge](https://sonde.example/acknowledge/{TOKEN})"),
        ("html", f'<a href="https://sonde.example/acknowledge/{TOKEN}">Acknowledge</a>'),
    ],
)
async def test_apprise_gets_text_and_the_graph(format_, link):
    async with web() as server:
        url = f"{server.base.replace('http', 'json')}/a?format={format_}"
        assert (await told("apprise", {"urls": [url], "format": format_}, RICH)).delivered
    [sent] = server.sent
    assert link in sent.json["message"]
    assert [file["filename"] for file in sent.json["attachments"]] == ["graph.png"]
