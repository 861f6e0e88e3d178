"""What a scraper tells of its targets; ``targets`` answers with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from sonde.telemetry.scrape_target import DroppedTarget, Target, TargetMetadata


class Targets(Protocol):
    """What a scraper knows of its targets. Cheap; never blocks."""

    def pools(self, tenant: str) -> Sequence[str]:
        """The names of all scrape pools."""
        ...

    def active(self, tenant: str) -> Sequence[Target]:
        """The targets that are scraped."""
        ...

    def dropped(self, tenant: str) -> Sequence[DroppedTarget]:
        """The targets that relabelling has dropped, or as many of them as are kept."""
        ...

    def dropped_counts(self, tenant: str) -> Mapping[str, int]:
        """How many targets were dropped, by pool."""
        ...

    def metadata(self, tenant: str) -> Sequence[TargetMetadata]:
        """What the active targets say of their metrics."""
        ...
