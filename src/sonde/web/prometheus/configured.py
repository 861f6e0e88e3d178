"""What other rooms tell of scraping, rules and configuration, each through a Protocol (``target``, ``rule``).

None means that nothing of the kind is configured; then, and only then, an answer is empty.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from sonde.store.maintenance import Maintenance
from sonde.web.prometheus.rule import Alertmanagers, Rules
from sonde.web.prometheus.target import Targets


@dataclass(frozen=True, slots=True)
class Configured:
    """What is configured beside the store."""

    targets: Targets | None = None
    rules: Rules | None = None
    alertmanagers: Alertmanagers | None = None
    configuration: Callable[[], str] | None = None
    """The scrape configuration and rule files in force, as YAML."""
    reload: Callable[[], Awaitable[None]] | None = None
    """Reads that configuration again; raises ``UserError`` if it is wrong, and then nothing has changed."""
    flags: Mapping[str, str] = field(default_factory=dict)
    """Further settings, by the names of Prometheus' flags."""
    maintenance: Maintenance | None = None
    """The store, for administrators: deletes, snapshots."""
    retention: str = ""
    """How long samples are kept, as a duration."""


async def configured(request: Request) -> Configured:
    """What ``install`` was given."""
    known: Configured = request.app.state.prometheus
    return known


Given = Annotated[Configured, Depends(configured)]
