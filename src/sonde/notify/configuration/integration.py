"""What the configurations of all receivers have in common: whether ends are told, and how HTTP is spoken."""

from __future__ import annotations

from sonde.notify.configuration.http_config import NotifierHttpConfig
from sonde.notify.configuration.values import Section


class IntegrationConfig(Section):
    """One way to reach a receiver."""

    send_resolved: bool = True


class HttpIntegrationConfig(IntegrationConfig):
    """One way over HTTP."""

    http_config: NotifierHttpConfig | None = None
    """Filled in from ``global`` once a file is read."""
