"""Integrations from a configuration, as the server builds them, and batches to send with them."""

import contextlib
from dataclasses import replace
from datetime import UTC, datetime

import yaml

from sonde.notify.alert import Alert
from sonde.notify.configuration import parse_configuration
from sonde.notify.message_templates import MessageTemplates
from sonde.notify.notifier import Batch
from sonde.notify.notifiers import HttpClients, build
from sonde.receivers.prometheus.http_identity import TlsContexts
from sonde.telemetry.labels import labels_of

TLS = TlsContexts()
"""For all tests: reading the authorities of the system takes longer than most of them."""


def at(*date):
    return int(datetime(*date, tzinfo=UTC).timestamp()) * 10**9


NOW = at(2026, 3, 1, 13)
DOWN = Alert(
    labels_of({"alertname": "Down", "job": "api", "instance": "a:1", "severity": "critical"}),
    labels_of({"summary": "it <is> down & out", "runbook_url": "https://run.example/?a=1&b=2"}),
    starts_at=at(2026, 3, 1, 12, 30, 5) + 123_000_000,
    generator_url="http://p/graph?g0.expr=up",
)
ENDED = Alert(
    labels_of({"alertname": "Down", "job": "api", "instance": "b:1", "severity": "warning"}),
    labels_of({"summary": "b"}),
    starts_at=at(2026, 3, 1, 1, 2, 3),
    ends_at=at(2026, 3, 1, 2, 32, 4),
)
FIRING = Batch(
    receiver="team.a",
    integration="team.a/x/0",
    group_key='{}:{alertname="Down"}',
    group_labels=(("alertname", "Down"),),
    alerts=(DOWN, ENDED),
    at=NOW,
)
RESOLVED = replace(FIRING, alerts=(ENDED,))
UTF8 = replace(
    FIRING,
    alerts=(replace(DOWN, annotations=labels_of({"summary": "Zürich ist weg 🔥 你好\n„Zitat“\u2028"})),),
)
MANY = replace(
    FIRING,
    alerts=tuple(
        replace(DOWN, labels=labels_of({"alertname": "Down", "instance": f"host-{number:03}"})) for number in range(300)
    ),
)
LONG = replace(
    FIRING,
    group_labels=(("alertname", "x" * 3000),),
    alerts=(replace(DOWN, annotations=labels_of({"summary": "<b>ü</b> & " * 5000})),),
)
BATCHES = {"firing": FIRING, "resolved": RESOLVED, "utf8": UTF8, "many": MANY, "long": LONG}


def configured(kind, config, *, common=None, directory=None):
    text = yaml.safe_dump(
        {
            "global": common or {},
            "route": {"receiver": "team.a"},
            "receivers": [{"name": "team.a", f"{kind}_configs": [config]}],
        }
    )
    return parse_configuration(text, directory=directory)


@contextlib.asynccontextmanager
async def notifier(kind, config, *, common=None, directory=None, environment=None, now=lambda: NOW):
    """The notifier of the only integration."""
    clients = HttpClients(now, environment=environment or {})
    clients.tls = TLS
    configuration = configured(kind, config, common=common, directory=directory)
    try:
        yield build(configuration, MessageTemplates(), "http://sonde.example/", now, clients)[f"team.a/{kind}/0"]
    finally:
        await clients.aclose()


async def told(kind, config, batch=FIRING, **options):
    """How telling one batch goes."""
    async with notifier(kind, config, **options) as one:
        return await one.notify(batch)
