"""The weekly digest: once per occasion in its own zone, in words that every service shows well."""

from __future__ import annotations

import asyncio
import html
import time
import zoneinfo
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.notify.notifiers.recording import post, reply, web

from sonde.errors import UserError
from sonde.notify.configuration import parse_configuration
from sonde.notify.digest.post import DRESSES, batch_of, dressed, integrations_of
from sonde.notify.digest.report import (
    AlertsWeek,
    Disk,
    ModelWeek,
    NewError,
    Report,
    Satisfaction,
    ServiceWeek,
    Traffic,
    Week,
)
from sonde.notify.digest.schedule import DigestSchedule, Sending
from sonde.notify.digest.send import Digesting
from sonde.notify.digest.text import Digest, digest_of
from sonde.notify.history import Notification
from sonde.notify.ledger import MemoryLedger
from sonde.notify.message_templates import MessageTemplates
from sonde.notify.notifier import Result
from sonde.notify.notifiers import HttpClients
from sonde.notify.notifiers.registry import KINDS
from sonde.notify.response.digest import DigestPlan, read_digest
from sonde.notify.response.week_time import WeekTime, parse_week_time
from sonde.rules.yaml_node import Decoder

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
HOUR = 3600 * 10**9
DAY = 24 * HOUR


def at(*date: int, zone: Any = BERLIN) -> int:
    return int(datetime(*date, tzinfo=zone).timestamp()) * 10**9  # type: ignore[arg-type]


def shown(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment // 10**9, BERLIN):%m-%d %H:%M}"


MONDAY = DigestPlan(WeekTime(0, 8, 0, BERLIN), ("team",))


class World:
    """A schedule on a clock, for two integrations; ``answer`` says how an attempt goes."""

    def __init__(self, now: int, plan: DigestPlan = MONDAY) -> None:
        self.ledger = MemoryLedger()
        self.plan = plan
        self.now = now
        self.sent: list[str] = []
        self.attempts: list[Sending] = []
        self.result = Result()
        self.start()

    def start(self) -> None:
        self.schedule = DigestSchedule(self.plan, ["mail", "chat"], self.ledger, self.now)

    def run_until(self, end: int) -> None:
        while (due := self.schedule.next_at()) is not None and due <= end:
            self.now = max(due, self.now)
            for sending in self.turn():
                if self.result.delivered:
                    self.sent.append(f"{shown(self.now)} {sending.integration}")
                self.schedule.settle(sending, self.result, self.now)
        self.now = end

    def turn(self) -> list[Sending]:
        sendings = self.schedule.advance(self.now)
        self.attempts += sendings
        return sendings


def test_it_is_sent_every_monday_at_eight_in_berlin_also_when_the_clocks_change() -> None:
    world = World(at(2026, 3, 20))
    world.run_until(at(2026, 4, 7))
    assert world.sent == [
        f"{day} {to}" for day in ("03-23 08:00", "03-30 08:00", "04-06 08:00") for to in ("mail", "chat")
    ]
    week = world.schedule.week()
    assert (shown(week.before), shown(week.start), shown(week.end)) == ("03-23 08:00", "03-30 08:00", "04-06 08:00")
    assert (week.start - week.before, week.end - week.start) == (7 * DAY - HOUR, 7 * DAY)


def test_a_week_in_which_the_clocks_change_is_an_hour_shorter() -> None:
    world = World(at(2026, 3, 24))
    world.run_until(at(2026, 3, 31))
    week = world.schedule.week()
    assert week.end - week.start == 7 * DAY - HOUR


def test_what_nobody_was_there_to_send_is_sent_within_a_day_and_not_later() -> None:
    for hours, expected in ((23, ["03-24 07:00 mail", "03-24 07:00 chat"]), (25, [])):
        world = World(at(2026, 3, 20))
        world.now = at(2026, 3, 23, 8) + hours * HOUR
        world.start()
        world.run_until(at(2026, 3, 29))
        assert world.sent == expected


def test_it_is_not_sent_for_an_occasion_before_it_was_configured() -> None:
    world = World(at(2026, 3, 23, 9))
    world.run_until(at(2026, 3, 29))
    assert world.sent == []


def test_after_a_restart_it_is_not_sent_again() -> None:
    world = World(at(2026, 3, 20))
    world.run_until(at(2026, 3, 23, 9))
    world.start()
    world.run_until(at(2026, 3, 29))
    assert len(world.sent) == 2


def test_killed_while_sending_only_what_had_not_arrived_is_sent_again_and_says_so() -> None:
    world = World(at(2026, 3, 20))
    world.now = at(2026, 3, 23, 8)
    first, _ = world.turn()
    world.schedule.settle(first, Result(), world.now)
    world.start()
    (again,) = world.turn()
    assert (again.integration, again.in_doubt, first.in_doubt) == ("chat", True, False)


def test_what_failed_is_tried_again_later_and_later_for_a_day() -> None:
    world = World(at(2026, 3, 20))
    world.result = Result("busy", retry=True)
    world.run_until(at(2026, 3, 23, 8, 10))
    tries = [each for each in world.attempts if each.integration == "mail"]
    assert 10 < len(tries) < 30
    world.result = Result()
    world.run_until(at(2026, 3, 23, 8, 12))
    assert len(world.sent) == 2

    world.result = Result("busy", retry=True)
    world.run_until(at(2026, 3, 31, 9))
    count = len(world.attempts)
    world.run_until(at(2026, 4, 3))
    assert len(world.attempts) == count


def test_what_was_refused_for_ever_is_not_tried_again() -> None:
    world = World(at(2026, 3, 20))
    world.result = Result("no such room")
    world.run_until(at(2026, 3, 29))
    assert len(world.attempts) == 2


def test_another_time_of_the_week_is_in_force_at_once() -> None:
    world = World(at(2026, 3, 20))
    friday = DigestPlan(WeekTime(4, 17, 30, BERLIN), ("team",))
    world.schedule.reload(friday, ["mail"], world.now)
    world.run_until(at(2026, 3, 29))
    assert world.sent == ["03-20 17:30 mail", "03-27 17:30 mail"]
    world.schedule.reload(None, [], world.now)
    assert world.schedule.next_at() is None


ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kathmandu"]


@settings(max_examples=60)
@given(
    st.sampled_from(ZONES), st.integers(0, 6), st.integers(0, 23), st.integers(0, 59),
    st.integers(1_262_304_000, 2_051_222_400),
)  # fmt: skip
def test_occasions_follow_each_other_a_week_apart_in_every_zone(
    zone: str, weekday: int, hour: int, minute: int, moment: int
) -> None:
    time_of_week = WeekTime(weekday, hour, minute, zoneinfo.ZoneInfo(zone))
    now = moment * 10**9
    before, after = time_of_week.at_or_before(now), time_of_week.after(now)
    assert before <= now < after
    assert time_of_week.after(before) == after
    assert time_of_week.before(after) == before
    assert abs(after - before - 7 * DAY) <= DAY + HOUR  # Apia once skipped a whole day
    local = datetime.fromtimestamp(before // 10**9, time_of_week.zone)
    if zone != "Pacific/Apia":
        assert local.weekday() in {weekday, (weekday + 1) % 7}
        assert (
            timedelta(0)
            <= (local.replace(tzinfo=None) - local.replace(hour=hour, minute=minute, tzinfo=None))
            <= (timedelta(hours=1))
        )


@pytest.mark.parametrize("text", ["", "Monday", "08:00", "Someday 08:00", "Mo 08:00", "Monday 8:00", "Monday 24:00"])
def test_what_is_no_time_of_the_week_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="is not a time of the week"):
        parse_week_time(text, UTC)


WRONG = [
    ("{receivers: [a], at: soon}", '"soon" is not a time of the week'),
    ("{receivers: [a], time_zone: Mars/Olympus}", "unknown time zone Mars/Olympus"),
    ("{at: Monday 08:00}", "receivers are missing"),
    ("{receivers: [a], every: 1w}", "field every not found in type digest"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_digest_that_cannot_be_used_is_refused(text: str, message: str) -> None:
    decoder = Decoder()
    read_digest(yaml.compose(text), decoder)
    assert any(message in problem.message for problem in decoder.problems), decoder.problems


WEEK = Week(at(2026, 3, 9, 8), at(2026, 3, 16, 8), at(2026, 3, 23, 8), BERLIN)
REPORT = Report(
    WEEK,
    services=(
        ServiceWeek("shop", Traffic(123_456, 1_300, 0.245), Traffic(110_000, 550, 0.25)),
        ServiceWeek("mailer <b>*x*`y`", Traffic(900, 0, 1.5)),
    ),
    alerts=AlertsWeek(12, 9, 1830.0, (("HighErrorRate", 7), ("DiskWillFill", 3)), ("DiskWillFill",)),
    budgets={"shop/checkout": 0.42, "shop/search": -0.1},
    models=(ModelWeek("gpt-4o", 12_000, 84.5, 60.0), ModelWeek("claude-sonnet", 300, None)),
    satisfaction=Satisfaction(820, 1000, 0.85),
    disk=Disk(61 * 2**30, 100 * 2**30),
    new_errors=(NewError("shop", "POST /pay", 42, "TimeoutError: bank"),),
    unavailable=("traces: the query took too long",),
)
DIGEST = digest_of(REPORT, url="https://sonde.example")
TABLE = """\
Week in review: Mon 16 Mar to Mon 23 Mar 2026

Services
--------
service           requests      errors               p95
shop              123k (+12 %)  1.1 % (+0.6 points)  245 ms (-2 %)
mailer <b>*x*`y`  900           0 %                  1.5 s

Alerts
------
Alerts fired 12 times (9 the week before).
Mean time to resolve: 30 min 30 s.
Noisiest: HighErrorRate (7), DiskWillFill (3).
Still firing: DiskWillFill.

Error budgets
-------------
objective      left
shop/search    used up (-10 %)
shop/checkout  42 %

LLM cost
--------
model          cost            calls
gpt-4o         $84.50 (+41 %)  12k
claude-sonnet                  300

Satisfaction
------------
82 % (-3.0 points) of 1k ratings are good

New errors
----------
shop POST /pay: 42 times (TimeoutError: bank)

Disk
----
61 GiB of 100 GiB are used (61 %)

Not available this time
-----------------------
traces: the query took too long

https://sonde.example
"""


def test_the_text_of_a_week() -> None:
    assert DIGEST.written("table") == TABLE


def test_what_nobody_knows_is_not_mentioned() -> None:
    assert digest_of(Report(WEEK)).written("table") == (
        "Week in review: Mon 16 Mar to Mon 23 Mar 2026\n\nThere are no data of this week.\n"
    )
    some = digest_of(Report(WEEK, services=(ServiceWeek("shop", Traffic(0, 0, None)),)))
    assert [section.heading for section in some.sections] == ["Services"]
    assert some.sections[0].rows == (("shop", "0", "", ""),)
    assert "0 %" not in some.written("text")


def test_each_form_shows_names_as_they_are_and_not_as_markup() -> None:
    assert "mailer \\<b\\>\\*x\\*\\`y\\`" in DIGEST.written("markdown")
    assert "mailer &lt;b&gt;*x*'y'" in DIGEST.written("slack")
    assert "mailer &lt;b&gt;*x*`y`" in DIGEST.written("telegram")
    assert html.escape("mailer <b>*x*`y`") in DIGEST.written("html")
    assert "<b>*x" not in DIGEST.written("html")


class Tags(HTMLParser):
    """Whether what is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@given(st.text(), st.text())
def test_whatever_a_service_is_called_the_page_stays_whole(service: str, message: str) -> None:
    report = replace(
        REPORT,
        services=(ServiceWeek(service, Traffic(1, 1, 1.0)),),
        new_errors=(NewError(service, message, 1, message),),
    )
    digest = digest_of(report)
    Tags(digest.written("html"))
    assert digest.written("slack").count("```") % 2 == 0
    assert "{{" not in digest.title


def test_every_kind_has_a_dress_but_those_that_call_people_out_of_bed() -> None:
    assert KINDS.keys() - DRESSES.keys() == {"pagerduty", "opsgenie", "victorops"}


RECEIVERS = """
route: {receiver: team}
receivers:
  - name: team
    slack_configs: [{api_url: 'http://slack/', channel: '#ops', actions: [{type: button, text: Ack, url: 'http://x/'}]}]
    pagerduty_configs: [{routing_key: k}]
  - name: pager
    pagerduty_configs: [{routing_key: k}]
"""


def test_a_receiver_that_only_pages_is_refused_and_a_pager_beside_a_room_is_left_out() -> None:
    configuration = parse_configuration(RECEIVERS)
    assert [each.key for each in integrations_of(configuration, ["team"])] == ["team/slack/0"]
    with pytest.raises(UserError, match="receiver pager only has pagerduty, which would call somebody for a digest"):
        integrations_of(configuration, ["pager"])
    with pytest.raises(UserError, match='receiver "nobody" is not in the alerting configuration'):
        integrations_of(configuration, ["nobody"])


async def told(kind: str, config: dict[str, Any], common: dict[str, Any] | None = None) -> Result:
    """How sending the digest to one integration goes."""
    document = {
        "global": common or {},
        "route": {"receiver": "team"},
        "receivers": [{"name": "team", f"{kind}_configs": [config]}],
    }
    integrations = integrations_of(parse_configuration(yaml.safe_dump(document)), ["team"])
    clients = HttpClients(time.time_ns, environment={})
    try:
        senders = dressed(integrations, MessageTemplates(), "https://sonde.example", time.time_ns, clients)
        return await senders[f"team/{kind}/0"].notify(batch_of(DIGEST, integrations[0], at=WEEK.end))
    finally:
        await clients.aclose()


def sent_to(kind: str, config: dict[str, Any], url_key: str, *, body: str = "ok") -> Any:
    async def story() -> Any:
        async with web(reply(body=body)) as server:
            result = await told(kind, {**config, url_key: server.base})
            assert result == Result(), result
            return server.sent[0]

    return asyncio.run(story())


def test_slack_shows_a_message_with_tables_and_no_alert() -> None:
    (attachment,) = sent_to("slack", {"channel": "#ops", "fields": [{"title": "a", "value": "b"}]}, "api_url").json[
        "attachments"
    ]
    assert attachment["title"] == "Week in review: Mon 16 Mar to Mon 23 Mar 2026"
    assert attachment["color"] == "#1a5fb4"
    assert attachment["title_link"] == "https://sonde.example"
    assert attachment["text"].startswith("*Services*\n```service")
    assert "shop              123k (+12 %)" in attachment["text"]
    assert not {"fields", "actions"} & attachment.keys()
    assert "FIRING" not in str(attachment)


def test_a_webhook_gets_the_payload_that_it_always_gets() -> None:
    body = sent_to("webhook", {}, "url").json
    assert body.keys() == {
        "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels",
        "commonAnnotations", "externalURL", "alerts",
    }  # fmt: skip
    (alert,) = body["alerts"]
    assert (body["status"], alert["labels"], alert["endsAt"]) == (
        "firing", {"alertname": "WeeklyDigest"}, "0001-01-01T00:00:00Z",
    )  # fmt: skip
    assert alert["annotations"].keys() == {"summary", "description"}
    assert alert["annotations"]["description"].startswith("Services\nshop: 123k (+12 %) requests, 1.1 %")


CHATS = [
    ("discord", {}, "webhook_url", lambda body: body["embeds"][0]["description"]),
    ("msteams", {}, "webhook_url", lambda body: body["text"]),
    ("msteamsv2", {}, "webhook_url", lambda body: body["attachments"][0]["content"]["body"][1]["text"]),
    ("ntfy", {"topic": "t"}, "url", lambda body: body["message"]),
]


@pytest.mark.parametrize(("kind", "config", "key", "text"), CHATS)
def test_chat_rooms_show_the_lines_and_nothing_in_red(kind: str, config: Any, key: str, text: Any) -> None:
    body = sent_to(kind, config, key).json
    assert "shop: 123k (+12 %) requests" in text(body).replace("\\", "")
    assert "FIRING" not in str(body)
    assert not {"Attention", "8C1A1A", str(0x992D22)} & set(str(body).replace("'", " ").replace(",", " ").split())


def test_telegram_shows_bold_headings() -> None:
    body = sent_to(
        "telegram", {"bot_token": "1:a", "chat_id": 5, "parse_mode": "MarkdownV2"}, "api_url", body='{"ok": true}'
    ).json
    assert (body["parse_mode"], body["disable_notification"]) == ("HTML", True)
    assert body["text"].startswith(
        "<b>Week in review: Mon 16 Mar to Mon 23 Mar 2026</b>\n\n<b>Services</b>\nshop: 123k"
    )
    assert "mailer &lt;b&gt;" in body["text"]


def test_a_mail_has_a_page_a_text_and_a_subject() -> None:
    async def story() -> Any:
        async with post() as server:
            config = {
                "to": "team@example.org",
                "from": "sonde@example.org",
                "smarthost": server.address,
                "require_tls": False,
                "headers": {"subject": "[ALERT] {{ .GroupLabels }}", "X-Team": "a"},
            }
            assert await told("email", config) == Result()
            return server.mails[0].message

    message = asyncio.run(story())
    assert (message["Subject"], message["X-Team"]) == ("Week in review: Mon 16 Mar to Mon 23 Mar 2026", "a")
    assert message.get_body(["plain"]).get_content().replace("\r\n", "\n") == DIGEST.written("table")
    assert message.get_body(["html"]).get_content().replace("\r\n", "\n") == DIGEST.written("html")


class Asked:
    """Knows one week, and what it was asked."""

    def __init__(self) -> None:
        self.weeks: list[Week] = []

    async def report(self, week: Week) -> Report:
        self.weeks.append(week)
        return replace(REPORT, week=week)


def test_at_its_time_the_digest_is_asked_for_once_sent_and_noted_in_the_history() -> None:
    noted: list[Notification] = []

    class Kept:
        def note(self, notifications: Any, *, tenant: str) -> None:
            noted.extend(notifications)

    async def story() -> tuple[Asked, Any]:
        later, asked = 0, Asked()

        def now() -> int:
            return at(2026, 3, 23, 7, 59) + time.monotonic_ns() - began + later

        async with web(lambda _: reply(500 if len(server.sent) == 1 else 200)) as server:
            began = time.monotonic_ns()
            text = f"{{route: {{receiver: a}}, receivers: [{{name: a, webhook_configs: [{{url: '{server.base}'}}]}}]}}"
            integrations = integrations_of(parse_configuration(text), ["a"])
            clients = HttpClients(now, environment={})
            senders = dressed(integrations, MessageTemplates(), "", now, clients)
            schedule = DigestSchedule(MONDAY, [each.key for each in integrations], MemoryLedger(), now())
            digesting = Digesting(schedule, asked, integrations, senders, now, history=Kept())
            later = 61 * 10**9
            task = asyncio.create_task(digesting.run())
            async with asyncio.timeout(10):
                while len(noted) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await clients.aclose()
            return asked, server.sent

    asked, sent = asyncio.run(story())
    assert [(shown(week.start), shown(week.end)) for week in asked.weeks] == [("03-16 08:00", "03-23 08:00")]
    assert [(each.attempt, bool(each.error), each.is_retried) for each in noted] == [(1, True, True), (2, False, False)]
    assert len(sent) == 2
    assert sent[0].json["groupKey"] == sent[1].json["groupKey"]


def test_when_the_digest_cannot_be_made_it_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        async def report(self, week: Week) -> Report:
            raise RuntimeError("a bug")

    async def story() -> None:
        schedule = DigestSchedule(MONDAY, ["a/webhook/0"], MemoryLedger(), at(2026, 3, 23, 7, 59))
        moment = at(2026, 3, 23, 8)
        task = asyncio.create_task(Digesting(schedule, Broken(), [], {}, lambda: moment).run())
        async with asyncio.timeout(10):
            while schedule.next_at() != moment + 300 * 10**9:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())
    assert "the digest could not be made" in caplog.text


def test_a_digest_that_looks_like_a_template_is_not_executed(tmp_path: Path) -> None:
    evil = digest_of(replace(REPORT, services=(ServiceWeek("{{ .ExternalURL }}", Traffic(1, 0, None)),)))
    integration = integrations_of(parse_configuration(RECEIVERS), ["team"])[0]
    batch = batch_of(evil, integration, at=WEEK.end)
    clients = HttpClients(time.time_ns, environment={})
    sender: Any = dressed([integration], MessageTemplates(), "https://secret", time.time_ns, clients)[integration.key]
    (request,) = sender.requests(batch)
    assert b"{{ .ExternalURL }}" in request.body
    assert isinstance(evil, Digest)
