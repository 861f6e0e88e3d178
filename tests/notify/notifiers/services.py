"""Every service as a table: its configuration against a server at ``base``, and what it says when all is well."""

from dataclasses import dataclass, field
from typing import Any

from tests.notify.notifiers.recording import reply

OK_JSON = '{"ok": true, "success": true}'


@dataclass(frozen=True)
class Service:
    kind: str
    config: dict[str, Any]
    """With ``BASE`` for the server."""
    answer: bytes = field(default_factory=reply)
    url_constant: str = ""
    """A URL that no configuration changes: module and name."""

    def at(self, base):
        return _replaced(self.config, base)


def _replaced(value, base):
    match value:
        case dict():
            return {key: _replaced(each, base) for key, each in value.items()}
        case list():
            return [_replaced(each, base) for each in value]
        case str():
            return value.replace("BASE", base)
        case _:
            return value


SECRET = "s3cr3t-0123456789abcdef"
SERVICES = [
    Service("webhook", {"url": f"BASE/hook/{SECRET}"}),
    Service(
        "slack",
        {
            "api_url": f"BASE/services/T0/{SECRET}",
            "channel": "#{{ .CommonLabels.job }}",
            "fields": [
                {"title": "Job", "value": "{{ .CommonLabels.job }}"},
                {"title": "b", "value": "c", "short": True},
            ],
            "actions": [
                {"type": "button", "text": "Runbook", "url": "https://run.example", "name": "gone"},
                {
                    "type": "button",
                    "text": "Ack",
                    "name": "ack",
                    "value": "{{ .Status }}",
                    "confirm": {"text": "Really?", "ok_text": "Yes"},
                },
            ],
        },
        reply(body="ok"),
    ),
    Service(
        "pagerduty",
        {
            "routing_key": SECRET,
            "url": "BASE/v2/enqueue",
            "severity": "{{ .CommonLabels.severity }}",
            "class": "host",
            "details": {"job": "{{ .CommonLabels.job }}"},
            "images": [{"src": "https://img.example/1.png", "alt": "one"}, {"src": "", "alt": "none"}],
            "links": [{"href": "https://run.example", "text": "Runbook"}, {"href": "", "text": "none"}],
        },
        reply(202),
    ),
    Service("pagerduty", {"service_key": SECRET}, url_constant="pagerduty.V1_URL"),
    Service(
        "opsgenie",
        {
            "api_url": "BASE",
            "api_key": SECRET,
            "tags": "a,b,,{{ .Status }}",
            "priority": "P1",
            "update_alerts": True,
            "responders": [
                {"name": "ops,web", "type": "teams"},
                {"name": "{{ .CommonLabels.nobody }}", "type": "user"},
                {"username": "ada@example.org", "type": "user"},
            ],
        },
        reply(202),
    ),
    Service(
        "victorops", {"api_url": "BASE/alert", "api_key": SECRET, "routing_key": "ops", "custom_fields": {"a": "b"}}
    ),
    Service(
        "pushover",
        {"user_key": SECRET, "token": f"token-{SECRET}", "html": True, "ttl": "1h"},
        url_constant="pushover.URL",
    ),
    Service(
        "telegram",
        {"api_url": "BASE", "bot_token": f"1:{SECRET}", "chat_id": -100, "message_thread_id": 7},
        reply(body=OK_JSON, content_type="application/json"),
    ),
    Service("discord", {"webhook_url": f"BASE/webhooks/1/{SECRET}", "username": "sonde"}, reply(204)),
    Service(
        "webex",
        {"api_url": "BASE/v1/messages", "room_id": "room", "http_config": {"authorization": {"credentials": SECRET}}},
    ),
    Service("msteams", {"webhook_url": f"BASE/webhook/{SECRET}"}, reply(body="1")),
    Service("msteamsv2", {"webhook_url": f"BASE/workflows/x/triggers?sig={SECRET}"}, reply(202)),
    Service(
        "rocketchat",
        {
            "api_url": "BASE",
            "token": SECRET,
            "token_id": f"id-{SECRET}",
            "channel": "#ops",
            "fields": [{"title": "Job", "value": "{{ .CommonLabels.job }}"}],
            "actions": [{"type": "button", "text": "Runbook", "url": "https://run.example"}],
        },
        reply(body=OK_JSON, content_type="application/json"),
    ),
    Service("ntfy", {"url": "BASE", "topic": f"topic-{SECRET}", "token": f"tk_{SECRET}"}),
]
