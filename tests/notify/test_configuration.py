"""Alertmanager's configuration file: what it means, what is refused and where, and what is shown of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonde.errors import UserError
from sonde.notify.configuration import load_configuration, parse_configuration
from sonde.notify.configuration.chat import SlackConfig
from sonde.notify.configuration.incident import JiraConfig, OpsGenieConfig, PagerdutyConfig, PushoverConfig
from sonde.notify.configuration.message import EmailConfig, WebhookConfig
from sonde.notify.routes import build_route

ALL = """
global:
  slack_api_url: https://hooks.example.org/T/s3cret
  smtp_smarthost: mail.example.org:587
  smtp_from: alerts@example.org
  smtp_auth_password: s3cret
  opsgenie_api_key: s3cret
  victorops_api_key: s3cret
  wechat_api_secret: s3cret
  wechat_api_corp_id: corp
  jira_api_url: https://jira.example.org/rest/api/2
  rocketchat_token: s3cret
  rocketchat_token_id: s3cret
  http_config: {basic_auth: {username: me, password: s3cret}, proxy_url: 'http://me:s3cret@proxy:3128'}
templates: ['*.tmpl']
route: {receiver: all}
receivers:
- name: all
  webhook_configs: [{url: 'http://hook.example.org/s3cret', max_alerts: 5, timeout: 1m30s}]
  email_configs: [{to: ops@example.org, headers: {subject: hello}, auth_secret: s3cret}]
  pagerduty_configs: [{routing_key: s3cret, class: disk, details: {firing: mine}, images: [{src: a}], links: [{href: b}]}]
  opsgenie_configs: [{responders: [{name: team, type: Team}], api_url: 'https://api.eu.opsgenie.com'}]
  wechat_configs: [{to_user: '@all'}]
  slack_configs:
  - {channel: '#a', actions: [{type: button, text: x, url: 'http://a/', name: gone}], fields: [{title: t, value: v}]}
  victorops_configs: [{routing_key: team}]
  pushover_configs: [{user_key: s3cret, token: s3cret, retry: 30s, expire: 1.5h}]
  sns_configs: [{topic_arn: 'arn:aws:sns:a:b:c', sigv4: {access_key: a, secret_key: s3cret}}]
  telegram_configs: [{bot_token: s3cret, chat_id: -100123}]
  discord_configs: [{webhook_url: 'https://discord.example.org/s3cret'}]
  webex_configs: [{room_id: r, http_config: {authorization: {credentials: s3cret}}}]
  msteams_configs: [{webhook_url: 'https://teams.example.org/s3cret'}]
  msteamsv2_configs: [{webhook_url: 'https://teams.example.org/s3cret'}]
  jira_configs: [{project: P, issue_type: Bug, fields: {customfield_1: 5, deep: {list: [true, x]}}}]
  rocketchat_configs: [{channel: '#a'}]
"""


def test_every_receiver_is_read_and_has_what_global_says() -> None:
    configuration = parse_configuration(ALL, directory=Path("/etc/alertmanager"))
    configs = {integration.kind: integration.config for integration in configuration.receivers["all"]}

    assert list(configs) == [
        "webhook",
        "email",
        "pagerduty",
        "opsgenie",
        "wechat",
        "slack",
        "victorops",
        "pushover",
        "sns",
        "telegram",
        "discord",
        "webex",
        "msteams",
        "msteamsv2",
        "jira",
        "rocketchat",
    ]
    assert configuration.templates == ("/etc/alertmanager/*.tmpl",)
    match configs["webhook"], configs["email"], configs["slack"]:
        case WebhookConfig() as webhook, EmailConfig() as email, SlackConfig() as slack:
            assert (webhook.timeout, webhook.max_alerts, webhook.send_resolved) == (90 * 10**9, 5, True)
            assert (email.smarthost, email.require_tls, email.headers) == (
                "mail.example.org:587",
                True,
                {"Subject": "hello"},
            )
            assert slack.api_url is not None
            assert slack.api_url.get_secret_value() == "https://hooks.example.org/T/s3cret"
            assert (slack.actions[0].name, slack.send_resolved) == ("", False)
            assert slack.http_config is configuration.common.http_config
        case _:
            pytest.fail("other models")
    match configs["pagerduty"], configs["opsgenie"], configs["pushover"], configs["jira"]:
        case (
            PagerdutyConfig() as pager,
            OpsGenieConfig() as opsgenie,
            PushoverConfig() as pushover,
            JiraConfig() as jira,
        ):
            assert (pager.class_, pager.details["firing"], pager.source) == ("disk", "mine", pager.client)
            assert "num_firing" in pager.details
            assert opsgenie.api_url == "https://api.eu.opsgenie.com/"
            assert pushover.expire == 5400 * 10**9
            assert jira.fields == {"customfield_1": 5, "deep": {"list": [True, "x"]}}
        case _:
            pytest.fail("other models")


def test_no_secret_is_shown_and_what_is_shown_reads_again() -> None:
    configuration = parse_configuration(ALL)
    again = parse_configuration(configuration.text)

    assert "s3cret" not in configuration.text
    assert "s3cret" not in repr(configuration.receivers).replace("me:s3cret@proxy", "")
    assert again.text == configuration.text


def test_what_nobody_here_sends_is_refused_aloud() -> None:
    with pytest.raises(UserError, match="sns_configs is not supported: nobody signs requests to Amazon") as raised:
        parse_configuration(ALL, refused={"sns_configs": "nobody signs requests to Amazon"})
    assert raised.value.position == (28, 17)


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", (1, 1), "no route provided in config"),
        ("receivers: []", (1, 1), "no routes provided"),
        ("route: {}", (1, 1), "root route must specify a default receiver"),
        (
            "route: {receiver: a, match: {a: b}}\nreceivers: [{name: a}]",
            (1, 1),
            "root route must not have any matchers",
        ),
        ("route: {receiver: a, continue: true}\nreceivers: [{name: a}]", (1, 22), "cannot have continue in root route"),
        ("route: {receiver: a}\nreceivers: [{name: a}, {name: a}]", (2, 25), '"a" is not unique'),
        ("route: {receiver: a}\nreceivers: [{}]", (2, 13), "missing name in receiver"),
        ("route: {receiver: a, group_by: [x, x]}\nreceivers: [{name: a}]", (1, 22), 'duplicated label "x" in group_by'),
        ("route: {receiver: a, group_interval: 0s}\nreceivers: [{name: a}]", (1, 22), "group_interval cannot be zero"),
        ("route: {receiver: a, group_wait: soon}\nreceivers: [{name: a}]", (1, 22), "not a valid duration"),
        ("route: {receiver: a, group_weight: 5s}\nreceivers: [{name: a}]", (1, 22), "did you mean group_wait?"),
        (
            "route: {receiver: a, matchers: [a=b]}\nreceivers: [{name: a}]",
            (1, 1),
            "root route must not have any matchers",
        ),
        (
            "route: {receiver: a, routes: [{match: {a-b: c}}]}\nreceivers: [{name: a}]",
            (1, 32),
            'invalid label name "a-b"',
        ),
        ("route: {receiver: a, routes: [{matchers: [a]}]}\nreceivers: [{name: a}]", (1, 32), "bad matcher format: a"),
        (
            "route: {receiver: a}\nreceivers: [{name: a}]\ntime_intervals: [{name: t}, {name: t}]",
            (3, 30),
            'time interval "t" is not unique',
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'ftp://s3cret'}]}]",
            (2, 42),
            'unsupported scheme "ftp" for URL',
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://host:s3cret'}]}]",
            (2, 42),
            "invalid port after host",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{}]}]",
            (2, 41),
            "one of url or url_file must be configured",
        ),
        (
            "route: {receiver: a}\nreceivers: [{name: a, email_configs: [{to: b}]}]",
            (2, 39),
            "no global SMTP smarthost set",
        ),
        ("route: {receiver: a}\n  x", (2, 3), "not YAML"),
    ],
)
def test_a_wrong_file_is_refused_at_its_place(text: str, position: tuple[int, int], message: str) -> None:
    with pytest.raises(UserError) as raised:
        parse_configuration(text)
    assert message in raised.value.message
    assert raised.value.position == position
    assert "s3cret" not in raised.value.message


def test_routes_have_what_their_parents_have() -> None:
    root = build_route(
        parse_configuration(
            "route: {receiver: a, group_by: [x], group_wait: 1s, routes: [{matchers: ['b=c']}, "
            "{match: {z: '1'}, match_re: {y: .*}, matchers: ['a!=b'], group_by: ['...'], routes: [{group_by: [q]}]}]}\n"
            "receivers: [{name: a}]"
        ).route
    )
    first, second = root.routes

    assert (first.options.group_by, first.options.group_wait) == ({"x"}, 10**9)
    assert (second.key, second.options.group_by_all) == ('{}/{a!="b",y=~".*",z="1"}', True)
    inner = second.routes[0]
    assert (inner.options.group_by, inner.options.group_by_all) == ({"q"}, False)
    assert inner.id == '{}/{a!="b",y=~".*",z="1"}/1/{}/0'


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        load_configuration(tmp_path / "none.yml")
