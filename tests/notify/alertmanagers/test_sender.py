"""Alerts on their way to Alertmanagers on loopback: relabelled, batched, to all of them, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from tests.notify.alertmanagers.told import NOW, SECOND, alert, alerting, at, count, running, until
from tests.notify.notifiers.recording import reply, web
from tests.receivers.prometheus.wire import Certificates, needs_openssl

from sonde.errors import Unavailable
from sonde.notify.alertmanagers.alerting_config import AlertingConfig
from sonde.notify.alertmanagers.send_loop import Bounds
from sonde.notify.alertmanagers.sender import AlertmanagerSender
from sonde.notify.alertmanagers.several import Several
from sonde.rules.notify import SentAlert


def names(server: Any) -> list[list[str]]:
    """The alerts of each request."""
    return [[each["labels"]["alertname"] for each in sent.json] for sent in server.sent]


async def test_an_alert_is_posted_as_prometheus_posts_it() -> None:
    async with web() as server, running(at(server.base, path_prefix="/am")) as sender:
        assert sender.active("default") == (f"{server.base}/am/api/v2/alerts",)
        await sender.notify([alert(severity="critical")], tenant="default")
        await until(lambda: server.sent)
    [sent] = server.sent
    assert (sent.method, sent.target, sent.headers["content-type"]) == ("POST", "/am/api/v2/alerts", "application/json")
    assert sent.body.decode() == (
        '[{"annotations":{"summary":"x"},"endsAt":"2026-07-01T10:04:00.000Z","startsAt":"2026-07-01T10:00:00.000Z",'
        '"generatorURL":"http://p/g","labels":{"alertname":"Down","severity":"critical"}}]'
    )


async def test_all_alertmanagers_are_told_and_a_slow_one_delays_nobody() -> None:
    async with (
        web() as quick,
        web(lambda _: None) as slow,
        web(reply(500, "no")) as broken,
        running(
            *(at(each.base, timeout="300s") for each in (slow, broken, quick)), bounds=Bounds(drain_seconds=0.01)
        ) as sender,
    ):
        async with asyncio.timeout(1):
            for name in "abc":
                await sender.notify([alert(name)], tenant="default")
                await until(lambda name=name: names(quick)[-1:] == [[name]])
        assert names(slow) == [["a"]]
        await until(lambda: len(broken.sent) == 3)
        assert (count("queue_length", slow.base), count("queue_length", quick.base)) == (2, 0)


async def test_many_alerts_go_in_batches_in_their_order() -> None:
    async with web() as server, running(at(server.base)) as sender:
        await sender.notify([alert(f"{number:03}") for number in range(600)], tenant="default")
        await until(lambda: sum(map(len, names(server))) == 600)
    assert max(map(len, names(server))) <= 256
    assert [name for batch in names(server) for name in batch] == [f"{number:03}" for number in range(600)]


async def test_a_full_queue_drops_the_oldest_and_counts_them(caplog: pytest.LogCaptureFixture) -> None:
    bounds = Bounds(queue_capacity=5, batch_size=2, drain_seconds=0.01)
    async with web(lambda _: None) as server, running(at(server.base, timeout="300s"), bounds=bounds) as sender:
        await sender.notify([alert("first")], tenant="default")
        await until(lambda: server.sent)
        untaken = count("sonde_notify_alertmanagers_untaken_alerts_total")
        for name in "abcdefgh":
            await sender.notify([alert(name)], tenant="default")
        assert (count("queue_length", server.base), count("queue_capacity")) == (5, 5)
        assert count("dropped_total", server.base) == 3
        assert count("sonde_notify_alertmanagers_untaken_alerts_total") == untaken + 3
        [loop] = sender._sets[0]._loops.values()
        assert [json.loads(each.text)["labels"]["alertname"] for each in loop._queue] == list("defgh")
    assert caplog.text.count("queue full") == 1
    assert "5 alerts could not be sent any more" in caplog.text


RELABELLED = [
    # For all, for one section, labels, labels as they are sent; None: not at all.
    ([], [], {"a": "1"}, {"a": "1"}),
    ([{"regex": "replica", "action": "labeldrop"}], [], {"replica": "1"}, {}),
    ([{"source_labels": ["env"], "regex": "test", "action": "drop"}], [], {"env": "test"}, None),
    ([], [{"source_labels": ["env"], "regex": "test", "action": "drop"}], {"env": "test"}, None),
    ([{"target_label": "via", "replacement": "sonde"}], [], {}, {"via": "sonde"}),
    (
        [{"target_label": "via", "replacement": "sonde"}],
        [{"source_labels": ["via"], "target_label": "by", "replacement": "$1!"}],
        {},
        {"via": "sonde", "by": "sonde!"},
    ),
]


@pytest.mark.parametrize(("for_all", "for_one", "labels", "sent"), RELABELLED)
async def test_alerts_are_relabelled(for_all: Any, for_one: Any, labels: dict[str, str], sent: Any) -> None:
    async with (
        web() as server,
        running(at(server.base, alert_relabel_configs=for_one), alert_relabel_configs=for_all) as sender,
    ):
        await sender.notify([alert("Down", **labels), alert("Last", keep="me")], tenant="default")
        await until(lambda: names(server) and names(server)[-1][-1] == "Last")
        [batch] = server.sent
    told = [each["labels"] for each in batch.json if each["labels"]["alertname"] == "Down"]
    assert told == ([] if sent is None else [{"alertname": "Down", **sent}])


async def test_one_sections_relabelling_changes_nothing_for_the_others() -> None:
    drop = [{"source_labels": ["alertname"], "regex": "a", "action": "drop"}]
    async with (
        web() as some,
        web() as every,
        running(at(some.base, alert_relabel_configs=drop), at(every.base)) as sender,
    ):
        untaken = count("sonde_notify_alertmanagers_untaken_alerts_total")
        await sender.notify([alert("a"), alert("b")], tenant="default")
        await until(lambda: some.sent and every.sent)
        assert (names(some), names(every)) == ([["b"]], [["a", "b"]])
        assert count("sonde_notify_alertmanagers_untaken_alerts_total") == untaken


FAILURES = [
    (reply(400, "bad label"), "unexpected status code 400: bad label"),
    (reply(500), "unexpected status code 500"),
    (reply(302, location="http://elsewhere.invalid/"), "unexpected status code 302"),
    (b"nonsense\r\n\r\n", "illegal status line"),
    (None, "no answer within 0.05s"),
]


@pytest.mark.parametrize(("answer", "said"), FAILURES)
async def test_what_is_not_taken_is_dropped_counted_and_said(
    answer: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    timeout = "50ms" if answer is None else "10s"
    async with (
        web(lambda _: answer) as server,
        running(at(server.base, timeout=timeout, follow_redirects=False)) as sender,
    ):
        untaken = count("sonde_notify_alertmanagers_untaken_alerts_total")
        await sender.notify([alert("a"), alert("b")], tenant="default")
        await until(lambda: count("errors_total", server.base) == 2)
        assert (count("dropped_total", server.base), count("sent_total", server.base)) == (2, 0)
        assert count("sonde_notify_alertmanagers_untaken_alerts_total") == untaken + 2
    assert said in caplog.text


async def test_connections_that_were_closed_meanwhile_cost_no_alert() -> None:
    async with web() as server, running(at(server.base)) as sender:
        for number in range(1, 4):
            await sender.notify([alert()], tenant="default")
            await until(lambda number=number: count("sent_total", server.base) == number)
            await server.end()
        assert (count("errors_total", server.base), server.connections) == (0, 3)


async def test_nobody_listens_there(caplog: pytest.LogCaptureFixture) -> None:
    async with running(at("http://127.0.0.1:1")) as sender:
        await sender.notify([alert()], tenant="default")
        await until(lambda: count("errors_total", "http://127.0.0.1:1") == 1)
    assert "alertmanager http://127.0.0.1:1/api/v2/alerts: error sending alerts (1)" in caplog.text
    assert "connection refused" in caplog.text


async def test_one_that_takes_them_is_enough_and_trouble_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with (
        web() as good,
        web(reply(503)) as bad,
        running(at(good.base), at(bad.base)) as sender,
    ):
        untaken = count("sonde_notify_alertmanagers_untaken_alerts_total")
        for number in range(1, 4):
            await sender.notify([alert()], tenant="default")
            await until(
                lambda number=number: (
                    (count("errors_total", bad.base), count("sent_total", good.base)) == (number, number)
                )
            )
        assert count("sonde_notify_alertmanagers_untaken_alerts_total") == untaken
        assert count("latency_seconds_count", good.base) == 3
        assert count("latency_histogram_seconds_count", good.base) == 3
        bad.answer = reply()
        await sender.notify([alert()], tenant="default")
        await until(lambda: count("sent_total", bad.base) == 1)
    assert [record.message.partition("(1): ")[2] for record in caplog.records if record.levelname == "WARNING"] == [
        "unexpected status code 503"
    ]
    assert f"alertmanager {bad.base}/api/v2/alerts takes alerts again" in caplog.text


async def test_an_alert_for_which_there_is_no_alertmanager_is_counted(tmp_path: Path) -> None:
    (tmp_path / "am.json").write_text("[]")
    async with running({"file_sd_configs": [{"files": [str(tmp_path / "am.json")]}]}) as sender:
        untaken = count("sonde_notify_alertmanagers_untaken_alerts_total")
        with pytest.raises(Unavailable, match="no Alertmanager has been found yet"):
            await sender.notify([alert()], tenant="default")
        await until(lambda: not sender._sets[0].is_looking)
        await sender.notify([alert()], tenant="default")
        assert count("sonde_notify_alertmanagers_untaken_alerts_total") == untaken + 1


async def test_an_alert_does_not_wait_for_ever_for_an_alertmanager_to_be_found() -> None:
    now = NOW
    async with web(lambda _: None) as service:
        sender = AlertmanagerSender(alerting({"http_sd_configs": [{"url": service.base}]}), now=lambda: now)
        await sender.start()
        with pytest.raises(Unavailable, match="no Alertmanager has been found yet"):
            await sender.notify([alert()], tenant="default")
        now += 30 * SECOND
        untaken = count("sonde_notify_alertmanagers_untaken_alerts_total")
        await sender.notify([alert()], tenant="default")
        assert count("sonde_notify_alertmanagers_untaken_alerts_total") == untaken + 1
        await sender.stop()


async def test_alertmanagers_come_and_go_with_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sonde.receivers.prometheus.discovery.files.LOOK_SECONDS", 0.01)
    file = tmp_path / "am.yml"
    async with web() as one, web() as two:

        def write(*servers: Any) -> None:
            (tmp_path / "new").write_text(json.dumps([{"targets": [each.base[7:] for each in servers]}]))
            (tmp_path / "new").replace(file)

        write(one)
        discovered = count("alertmanagers_discovered")
        async with running({"file_sd_configs": [{"files": [str(file)]}]}) as sender:
            await until(lambda: sender.active("default") == (f"{one.base}/api/v2/alerts",))
            write(one, two)
            await until(lambda: len(sender.active("default")) == 2)
            assert count("alertmanagers_discovered") == discovered + 2
            await sender.notify([alert("a")], tenant="default")
            await until(lambda: one.sent and two.sent)
            write(two)
            await until(lambda: sender.active("default") == (f"{two.base}/api/v2/alerts",))
            await sender.notify([alert("b")], tenant="default")
            await until(lambda: len(two.sent) == 2)
            await until(lambda: count("sent_total", one.base) is None)
            assert (names(one), count("sent_total", two.base)) == ([["a"]], 2)
        assert count("alertmanagers_discovered") == discovered
        assert count("sent_total", two.base) is None


async def test_alertmanagers_are_asked_of_a_service() -> None:
    async with web() as server:
        listed = json.dumps(
            [{"targets": [server.base[7:]], "labels": {"__meta_role": "main"}}, {"targets": ["spare:1"]}]
        )
        async with web(reply(200, listed, content_type="application/json")) as service:
            section = {
                "http_sd_configs": [{"url": f"{service.base}/am"}],
                "relabel_configs": [{"source_labels": ["__meta_role"], "regex": "main", "action": "keep"}],
            }
            async with running(section) as sender:
                await until(lambda: sender.active("default"))
                assert sender.dropped("default") == ("http://spare:1/api/v2/alerts",)
                await sender.notify([alert()], tenant="default")
                await until(lambda: server.sent)


@pytest.mark.parametrize(
    ("section", "header"),
    [
        ({"basic_auth": {"username": "me", "password": "s3cr3t"}}, "Basic bWU6czNjcjN0"),
        ({"authorization": {"credentials": "s3cr3t"}}, "Bearer s3cr3t"),
        ({"bearer_token": "s3cr3t"}, "Bearer s3cr3t"),
        ({"oauth2": {"client_id": "me", "client_secret": "pw"}}, "Bearer t0ken"),
    ],
)
async def test_credentials_are_sent_and_not_shown(
    section: dict[str, Any], header: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = reply(200, json.dumps({"access_token": "t0ken"}), content_type="application/json")
    async with web(lambda sent: reply(401, f"not {sent.headers['authorization']}")) as server, web(token) as identity:
        if "oauth2" in section:
            section = {"oauth2": {**section["oauth2"], "token_url": f"{identity.base}/token"}}
        async with running(at(server.base, **section)) as sender:
            await sender.notify([alert()], tenant="default")
            await until(lambda: count("errors_total", server.base) == 1)
    assert server.sent[0].headers["authorization"] == header
    assert "unexpected status code 401: not" in caplog.text
    assert header.rpartition(" ")[2] not in caplog.text


@needs_openssl
async def test_tls_is_spoken_with_whom_it_trusts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    certificates = Certificates(tmp_path)
    context = certificates.server_context(*certificates.sign("am", subject_names="IP:127.0.0.1"))
    trusting = {"scheme": "https", "tls_config": {"ca_file": str(certificates.ca)}}
    async with web(tls=context) as server:
        async with running(at(server.base, **trusting)) as sender:
            await sender.notify([alert()], tenant="default")
            await until(lambda: server.sent)
        async with running(at(server.base, scheme="https")) as sender:
            await sender.notify([alert()], tenant="default")
            await until(lambda: count("errors_total", server.base) == 1)
    assert "failed to verify certificate" in caplog.text


async def test_what_is_queued_is_sent_at_the_end() -> None:
    async with web() as server:
        async with running(at(server.base), bounds=Bounds(batch_size=10)) as sender:
            await sender.notify([alert(str(number)) for number in range(100)], tenant="default")
        assert sum(map(len, names(server))) == 100
    with pytest.raises(Unavailable, match="just now"):
        await sender.notify([alert()], tenant="default")


async def test_the_end_does_not_wait_for_ever() -> None:
    async with asyncio.timeout(5), web(lambda _: None) as server:
        untaken = count("sonde_notify_alertmanagers_untaken_alerts_total")
        async with running(at(server.base), bounds=Bounds(batch_size=1, drain_seconds=0.05)) as sender:
            await sender.notify([alert(name) for name in "abc"], tenant="default")
            await until(lambda: server.sent)
    assert names(server) == [["a"]]
    assert count("sonde_notify_alertmanagers_untaken_alerts_total") == untaken + 3


async def test_a_reload_keeps_what_has_not_changed() -> None:
    async with web() as one, web() as two:
        async with running(at(one.base), at(two.base)) as sender:
            [loop] = sender._sets[0]._loops.values()
            await sender.notify([alert("a")], tenant="default")
            await sender.reload(alerting(at(two.base, path_prefix="/new"), at(one.base)))
            await until(lambda: len(sender.active("default")) == 2)
            assert sender.active("default") == (f"{two.base}/new/api/v2/alerts", f"{one.base}/api/v2/alerts")
            assert list(sender._sets[1]._loops.values()) == [loop]
            await sender.notify([alert("b")], tenant="default")
            await until(lambda: len(one.sent) == len(two.sent) == 2)
            await sender.reload(AlertingConfig())
            await sender.notify([alert("c")], tenant="default")
        assert [sent.target for sent in two.sent] == ["/api/v2/alerts", "/new/api/v2/alerts"]
        assert (names(one), names(two)) == ([["a"], ["b"]], [["a"], ["b"]])


async def test_a_tenant_sees_and_tells_its_own_alertmanagers_only() -> None:
    async with web() as server, running(at(server.base)) as sender:
        await sender.notify([alert("theirs")], tenant="other")
        await sender.notify([alert("ours")], tenant="default")
        await until(lambda: server.sent)
        assert (sender.active("other"), sender.dropped("other")) == ((), ())
    assert names(server) == [["ours"]]


class _Refusing:
    async def notify(self, alerts: list[SentAlert], *, tenant: str) -> None:
        raise Unavailable("not now")


async def test_several_are_told_even_if_one_refuses() -> None:
    async with web() as server, running(at(server.base)) as sender:
        with pytest.raises(Unavailable, match="not now"):
            await Several(_Refusing(), sender).notify([alert()], tenant="default")
        await until(lambda: server.sent)


async def test_a_sender_that_has_not_begun_says_so() -> None:
    sender = AlertmanagerSender(alerting(at("http://am:9093")))
    with pytest.raises(Unavailable):
        await sender.notify([alert()], tenant="default")
    assert sender.active("default") == ()


async def test_a_password_in_an_address_is_not_shown() -> None:
    async with running(at("me:pw@127.0.0.1:1")) as sender:
        assert sender.active("default") == ("http://me:xxxxx@127.0.0.1:1/api/v2/alerts",)
