"""What a scraper tells of its targets: the words that it shares with whoever shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sonde.telemetry.labels import Labels

Health = Literal["unknown", "up", "down"]


@dataclass(frozen=True, slots=True)
class Target:
    """Something that is scraped. ``last_scrape_unix_nano`` is 0 before the first scrape."""

    pool: str
    url: str
    discovered: Labels
    labels: Labels
    health: Health = "unknown"
    last_error: str = ""
    last_scrape_unix_nano: int = 0
    last_scrape_seconds: float = 0.0
    interval: str = ""
    timeout: str = ""
    global_url: str = ""


@dataclass(frozen=True, slots=True)
class DroppedTarget:
    """Something that was discovered, and dropped by relabelling."""

    pool: str
    discovered: Labels


@dataclass(frozen=True, slots=True)
class TargetMetadata:
    """What a target says of one of its metrics."""

    target: Labels
    metric: str
    type: str
    help: str
    unit: str
