"""What is tried again and what is not, and that no secret is ever told."""

import asyncio
import logging

import pytest
from tests.notify.notifiers.recording import reply, web
from tests.notify.notifiers.sending import FIRING, NOW, notifier, told
from tests.notify.notifiers.services import SECRET, SERVICES
from tests.notify.notifiers.test_email import encoded
from tests.notify.notifiers.test_payloads import named
from tests.receivers.prometheus.wire import Certificates, needs_openssl

from sonde.errors import UserError
from sonde.notify.notifier import Result
from sonde.notify.notifiers.redirect import redirected

SECOND = 10**9


@pytest.fixture
def fixed_urls(monkeypatch):
    def at(service, base):
        if service.url_constant:
            monkeypatch.setattr(f"sonde.notify.notifiers.{service.url_constant}", f"{base}/{SECRET}")

    return at


@pytest.mark.parametrize("service", SERVICES, ids=named)
@pytest.mark.parametrize(
    ("status", "retry", "rest", "reason"),
    [
        (400, False, 0, "clientError"),
        (401, False, 0, "clientError"),
        (404, False, 0, "clientError"),
        (429, True, 7 * SECOND, "rateLimited"),
        (500, True, 7 * SECOND, "serverError"),
        (503, True, 7 * SECOND, "serverError"),
        (302, False, 0, "other"),
    ],
)
async def test_an_answer_decides_whether_to_try_again(service, status, retry, rest, reason, fixed_urls):
    async with web(reply(status, "no", retry_after="7")) as server:
        fixed_urls(service, server.base)
        result = await told(service.kind, service.at(server.base))
    assert (result.retry, result.retry_after, result.reason) == (retry, rest, reason)
    assert f"unexpected status code {status}" in result.error


async def test_pagerduty_limits_rates_with_403_in_its_first_version(fixed_urls):
    first, second = (next(each for each in SERVICES if named(each) == name) for name in ("pagerduty_v1", "pagerduty"))
    async with web(reply(403)) as server:
        fixed_urls(first, server.base)
        assert (await told("pagerduty", first.at(server.base))).retry
        assert not (await told("pagerduty", second.at(server.base))).retry


JSON = "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("kind", "answer", "error", "retry"),
    [
        ("slack", reply(body="ok"), "", False),
        ("slack", reply(body="no_service"), 'channel "#api": received an error response from Slack: no_service', False),
        ("slack", reply(body='{"ok": true}', content_type=JSON), "", False),
        (
            "slack",
            reply(body='{"ok": false, "error": "channel_not_found"}', content_type=JSON),
            'channel "#api": error response from Slack: channel_not_found',
            False,
        ),
        ("slack", reply(body="{", content_type=JSON), 'channel "#api": could not unmarshal JSON response "{"', True),
        (
            "rocketchat",
            reply(body='{"success": false, "error": "no"}', content_type=JSON),
            'channel "#ops": error response from Rocketchat: no',
            False,
        ),
        (
            "telegram",
            reply(400, '{"ok": false, "description": "Bad Request: chat not found"}'),
            "unexpected status code 400: Bad Request: chat not found",
            False,
        ),
        (
            "pagerduty",
            reply(400, '{"status": "invalid event", "message": "Event object is invalid", "errors": ["a", "b"]}'),
            "unexpected status code 400: Event object is invalid: a,b",
            False,
        ),
        ("pagerduty", reply(500, "<html>"), "unexpected status code 500", True),
        ("webhook", reply(400, "a\n b" + "c" * 600), f"unexpected status code 400: a b{'c' * 496}…", False),
    ],
)
async def test_services_say_no_in_their_own_ways(kind, answer, error, retry):
    service = next(each for each in SERVICES if each.kind == kind)
    async with web(answer) as server:
        result = await told(kind, service.at(server.base))
    assert (result.error, result.retry) == (error, retry)


async def test_telegram_says_in_its_body_when_to_come_back():
    body = '{"ok": false, "description": "Too Many Requests", "parameters": {"retry_after": 5}}'
    async with web(reply(429, body)) as server:
        result = await told("telegram", {"api_url": server.base, "bot_token": "1:a", "chat_id": 1})
    assert (result.retry, result.retry_after) == (True, 5 * SECOND)


async def test_teams_may_say_429_behind_a_200():
    body = (
        "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x"
    )
    async with web(reply(body=body)) as server:
        result = await told("msteams", {"webhook_url": server.base})
    assert (result.retry, result.reason) == (True, "rateLimited")


@pytest.mark.parametrize(
    ("said", "rest"),
    [("3", 3), ("0.5", 0.5), ("Sun, 01 Mar 2026 13:00:09 GMT", 9), ("-1", 0), ("soon", 0), ("999999999", 3600)],
)
async def test_retry_after_is_honoured_up_to_an_hour(said, rest):
    async with web(reply(429, retry_after=said)) as server:
        assert (await told("webhook", {"url": server.base})).retry_after == rest * SECOND


async def test_opsgenie_stops_at_the_first_request_that_fails():
    answers = iter([reply(202), reply(500)])
    async with web(lambda _: next(answers)) as server:
        result = await told("opsgenie", {"api_url": server.base, "api_key": "key", "update_alerts": True})
    assert (len(server.sent), result.retry) == (2, True)


async def test_nobody_there_is_worth_another_try():
    async with web() as server:
        pass
    result = await told("webhook", {"url": f"{server.base}/{SECRET}"})
    assert result == Result(f'POST "{server.base}": connection refused', retry=True)


async def test_a_webhook_has_a_timeout_of_its_own():
    async with web(lambda _: None) as server:
        result = await told("webhook", {"url": server.base, "timeout": "50ms"})
    assert result == Result("configured timeout of 0.05s reached", retry=True, reason="contextDeadlineExceeded")


async def test_a_large_answer_is_read_only_in_part():
    async with web(reply(400, "x" * 5_000_000)) as server:
        assert len((await told("webhook", {"url": server.base})).error) < 600


@pytest.mark.parametrize("service", SERVICES, ids=named)
async def test_secrets_are_told_to_nobody(service, fixed_urls, caplog):
    def echo(sent):
        return reply(500, f"{sent.target} {sent.headers} {sent.body.decode()}")

    with caplog.at_level(logging.DEBUG):
        async with web(echo) as server:
            fixed_urls(service, server.base)
            async with notifier(service.kind, service.at(server.base)) as one:
                said = [await one.notify(FIRING), repr(one), vars(one), [*map(repr, one.requests(FIRING))]]
        said.append(await told(service.kind, service.at(server.base)))  # nobody listens any more
    assert SECRET not in repr(said)
    assert SECRET not in caplog.text


FILES = [
    ("webhook", {"url_file": "secret"}, "target"),
    ("slack", {"api_url_file": "secret"}, "target"),
    ("discord", {"webhook_url_file": "secret"}, "target"),
    ("msteams", {"webhook_url_file": "secret"}, "target"),
    ("msteamsv2", {"webhook_url_file": "secret"}, "target"),
    ("pagerduty", {"url": "BASE", "routing_key_file": "secret"}, "body"),
    ("opsgenie", {"api_url": "BASE", "api_key_file": "secret"}, "headers"),
    ("victorops", {"api_url": "BASE", "api_key_file": "secret", "routing_key": "r"}, "target"),
    ("telegram", {"api_url": "BASE", "bot_token_file": "secret", "chat_id": 1}, "target"),
    ("rocketchat", {"api_url": "BASE", "token_file": "secret", "token_id": "id"}, "headers"),
    ("ntfy", {"url": "BASE", "topic": "t", "token_file": "secret"}, "headers"),
    ("webhook", {"url": "BASE", "http_config": {"authorization": {"credentials_file": "secret"}}}, "headers"),
]


@pytest.mark.parametrize(("kind", "config", "where"), FILES)
async def test_files_of_secrets_are_read_again(kind, config, where, tmp_path):
    file = tmp_path / "secret"
    is_url = "BASE" not in str(config)
    async with web(reply(500)) as server:
        config = {name: server.base if value == "BASE" else value for name, value in config.items()}
        async with notifier(kind, config, directory=tmp_path) as one:
            for text in ("first-0123", "second-4567"):
                file.write_text(f"{server.base}/{text}\n" if is_url else f"{text}\n")
                await one.notify(FIRING)
            file.unlink()
            gone = await one.notify(FIRING)
    first, second = (str(getattr(sent, where)) for sent in server.sent)
    assert ("first-0123" in first, "second-4567" in second) == (True, True)
    assert "No such file or directory" in gone.error


@pytest.mark.parametrize("text", ["", "xoxb-secret", "https://host:secret/x", "ftp://host/secret", "https:///secret"])
async def test_a_file_that_holds_no_url_is_told_without_what_it_holds(text, tmp_path):
    (tmp_path / "secret").write_text(text)
    async with notifier("slack", {"api_url_file": "secret", "channel": "c"}, directory=tmp_path) as one:
        result = await one.notify(FIRING)
    assert "none like https://host/path; look at its file" in result.error
    assert ("secret" in result.error, result.retry) == (False, False)


async def test_credentials_stay_behind_when_a_redirect_leads_elsewhere():
    async with web() as other, web(lambda _: reply(307, location=f"{other.base}/x")) as server:
        config = {"api_url": server.base, "api_key": SECRET}
        assert (await told("opsgenie", config)).delivered
        stays = await told("opsgenie", {**config, "http_config": {"follow_redirects": False}})
    assert [(sent.method, "authorization" in sent.headers, bool(sent.body)) for sent in other.sent] == [
        ("POST", False, True)
    ]
    assert stays.error == "unexpected status code 307"


@pytest.mark.parametrize(
    ("before", "location", "addresses", "leads_to"),
    [
        ("https://hooks.test/a", "/b", {}, "https://hooks.test/b"),
        ("https://hooks.test/a", "https://other.test/b", {"hooks.test": "8.8.8.8", "other.test": "9.9.9.9"}, "same"),
        ("http://10.0.0.5/a", "http://10.0.0.6/b", {}, "same"),
        ("https://hooks.test/a", "http://hooks.test/a", {}, "from https to http"),
        ("https://hooks.test/a", "file:///etc/passwd", {}, "URL of scheme 'file'"),
        ("https://hooks.test/a", "https://[", {}, "leads to no URL"),
        ("http://hooks.test/a", "http://127.0.0.1:9090/", {"hooks.test": "8.8.8.8"}, "is inside (127.0.0.1)"),
        ("http://hooks.test/a", "http://[::ffff:10.0.0.1]/", {"hooks.test": "8.8.8.8"}, "is inside (10.0.0.1)"),
        ("http://hooks.test/a", "http://in.test/", {"hooks.test": "8.8.8.8", "in.test": "10.1.1.1"}, "is inside"),
        ("http://10.0.0.5/a", "http://169.254.169.254/latest", {}, "is inside (169.254.169.254)"),
    ],
)
async def test_a_redirect_leads_neither_out_of_https_nor_inside(before, location, addresses, leads_to, monkeypatch):
    async def looked_up(host, port, **_):
        return [(2, 1, 6, "", (addresses[host], port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", looked_up)
    expected = location if leads_to == "same" else leads_to
    try:
        assert await redirected(before, location, is_proxied=False) == expected
    except UserError as error:
        assert leads_to in error.message  # noqa: PT017 -- one table for both


async def test_a_redirect_that_is_refused_is_told_without_the_secret():
    async with web(reply(302, location=f"http://169.254.169.254/{SECRET}")) as server:
        result = await told("webhook", {"url": f"{server.base}/{SECRET}-x"})
    assert result.error == (
        f'POST "{server.base}": a redirect leads to 169.254.169.254, which is inside (169.254.169.254)'
    )


async def test_where_a_redirect_led_is_a_secret_too():
    async with (
        web(lambda sent: reply(500, sent.target)) as other,
        web(reply(302, location=f"{other.base}/{SECRET}")) as one,
    ):
        assert SECRET not in (await told("webhook", {"url": one.base})).error


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("webhook", {"url": f"http://a.org/{SECRET}/{{{{ nosuch }}}}"}),
        ("webhook", {"url": f"http://a.org/{SECRET}/{{{{ .Nothing }}}}"}),
        ("pagerduty", {"routing_key": f"{SECRET}{{{{ end }}}}"}),
        ("ntfy", {"topic": f"{SECRET}{{{{ .Nothing }}}}"}),
    ],
)
async def test_a_secret_that_is_no_good_template_is_not_quoted(kind, config):
    result = await told(kind, config)
    assert "it is a template that cannot be executed" in result.error
    assert SECRET not in result.error


async def test_connections_are_kept_and_shared():
    async with web() as server, notifier("webhook", {"url": server.base}) as one:
        for _ in range(3):
            assert (await one.notify(FIRING)).delivered
    assert server.connections == 1


async def test_a_proxy_that_nobody_speaks_is_refused_when_the_notifiers_are_built():
    with pytest.raises(UserError, match=r"team\.a/webhook/0: proxies of scheme 'socks5' are not supported"):
        await told("webhook", {"url": "http://a.org", "http_config": {"proxy_url": "socks5://p:1"}})


@pytest.mark.parametrize(
    ("http_config", "environment", "by_proxy"),
    [
        ({"proxy_url": "PROXY"}, {}, True),
        ({"proxy_url": "PROXY", "no_proxy": "hooks.test"}, {}, False),
        ({"proxy_url": "PROXY", "no_proxy": ".test:99"}, {}, True),
        ({"proxy_from_environment": True}, {"HTTP_PROXY": "PROXY"}, True),
        ({"proxy_from_environment": True}, {"HTTP_PROXY": "PROXY", "NO_PROXY": "*"}, False),
        ({}, {"HTTP_PROXY": "PROXY"}, False),
    ],
)
async def test_proxies(http_config, environment, by_proxy):
    async with web() as proxy:
        config = {
            name: value.replace("PROXY", proxy.base) if isinstance(value, str) else value
            for name, value in http_config.items()
        }
        environment = {name: value.replace("PROXY", proxy.base) for name, value in environment.items()}
        result = await told("webhook", {"url": "http://hooks.test/x", "http_config": config}, environment=environment)
    assert ([sent.target for sent in proxy.sent], result.delivered) == (
        (["http://hooks.test/x"], True) if by_proxy else ([], False)
    )


@pytest.mark.parametrize(
    ("http_config", "header", "value"),
    [
        ({"basic_auth": {"username": "me", "password": SECRET}}, "authorization", f"Basic {encoded(f'me:{SECRET}')}"),
        ({"authorization": {"credentials": SECRET}}, "authorization", f"Bearer {SECRET}"),
        ({"authorization": {"type": "Key", "credentials": SECRET}}, "authorization", f"Key {SECRET}"),
        ({"bearer_token": SECRET}, "authorization", f"Bearer {SECRET}"),
        ({"http_headers": {"X-Key": {"secrets": [SECRET]}}}, "x-key", SECRET),
    ],
)
async def test_credentials_are_sent_and_never_told(http_config, header, value):
    async with web(lambda sent: reply(401, f"who is {sent.headers[header]}?")) as server:
        result = await told("webhook", {"url": server.base, "http_config": http_config})
    assert server.sent[0].headers[header] == value
    assert "who is" in result.error
    assert "<secret>" in result.error
    assert SECRET not in result.error
    assert encoded(f"me:{SECRET}") not in result.error


async def test_oauth2_gets_a_token_and_another_when_it_ends():
    def answer(sent):
        if sent.target == "/token":
            return reply(
                body=f'{{"access_token": "t-{len(server.sent)}", "expires_in": 60}}', content_type="application/json"
            )
        return reply()

    clock = [NOW]
    async with web(answer) as server:
        oauth2 = {"client_id": "me", "client_secret": SECRET, "token_url": f"{server.base}/token", "scopes": ["a", "b"]}
        config = {"url": f"{server.base}/hook", "http_config": {"oauth2": oauth2}}
        async with notifier("webhook", config, now=lambda: clock[0]) as one:
            for seconds in (0, 30, 30):
                clock[0] += seconds * SECOND
                assert (await one.notify(FIRING)).delivered
    assert [sent.headers.get("authorization", "")[:10] for sent in server.sent if sent.target == "/hook"] == [
        "Bearer t-1",
        "Bearer t-1",
        "Bearer t-4",
    ]
    assert server.sent[0].form == {"grant_type": "client_credentials", "scope": "a b"}


async def test_an_identity_provider_that_refuses_is_quoted_without_the_secret():
    async with web(lambda sent: reply(401, f"bad {sent.body.decode()}")) as server:
        oauth2 = {"client_id": "me", "client_secret": SECRET, "token_url": f"{server.base}/token"}
        result = await told("webhook", {"url": server.base, "http_config": {"oauth2": oauth2}})
    assert result.error.startswith("oauth2: cannot fetch token: 401: bad grant_type=client_credentials")
    assert SECRET not in result.error
    assert len(server.sent) == 2


@needs_openssl
async def test_tls_with_an_authority_and_a_name_of_ones_own(tmp_path):
    certificates = Certificates(tmp_path)
    context = certificates.server_context(*certificates.sign("hooks", subject_names="DNS:hooks.test"))
    tls = {"ca_file": str(certificates.ca), "server_name": "hooks.test"}
    async with web(tls=context) as server:
        good = await told("webhook", {"url": server.base, "http_config": {"tls_config": tls}})
        other = await told(
            "webhook", {"url": server.base, "http_config": {"tls_config": {**tls, "server_name": "b.test"}}}
        )
        stranger = await told("webhook", {"url": server.base})
        careless = {"insecure_skip_verify": True}
        unchecked = await told("webhook", {"url": server.base, "http_config": {"tls_config": careless}})
    assert (good.delivered, unchecked.delivered) == (True, True)
    assert "Hostname mismatch" in other.error
    assert (stranger.retry, "failed to verify certificate" in stranger.error) == (True, True)
