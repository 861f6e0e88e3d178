"""What a week was like: the answers that a digest is made of. What nobody could answer is None or absent, never 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Week:
    """From one occasion to the next, and the week before it; Unix nanoseconds."""

    before: int
    start: int
    end: int
    zone: tzinfo = UTC


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a service was asked."""

    requests: int
    errors: int
    p95_seconds: float | None

    @property
    def error_share(self) -> float | None:
        """Errors of all requests."""
        return self.errors / self.requests if self.requests else None


@dataclass(frozen=True, slots=True)
class ServiceWeek:
    """A service, this week and the week before."""

    service: str
    now: Traffic
    before: Traffic | None = None


@dataclass(frozen=True, slots=True)
class AlertsWeek:
    """What fired."""

    firings: int
    before: int | None
    mttr_seconds: float | None
    """How long those took that ended, on average."""
    noisiest: tuple[tuple[str, int], ...]
    """Names of alerts, with how often each fired."""
    still_firing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelWeek:
    """What a model cost, in dollars."""

    model: str
    calls: int
    cost: float | None
    before: float | None = None


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """What people thought of answers."""

    good: int
    ratings: int
    before: float | None
    """The share of good ones in the week before."""


@dataclass(frozen=True, slots=True)
class NewError:
    """An operation that failed, and had not in the week before."""

    service: str
    operation: str
    count: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk with our data."""

    used_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Report:
    """All of it."""

    week: Week
    services: tuple[ServiceWeek, ...] = ()
    alerts: AlertsWeek | None = None
    budgets: Mapping[str, float] = field(default_factory=dict)
    """The share of its error budget that each objective has left."""
    models: tuple[ModelWeek, ...] = ()
    satisfaction: Satisfaction | None = None
    disk: Disk | None = None
    new_errors: tuple[NewError, ...] = ()
    unavailable: tuple[str, ...] = ()
    """What could not be asked for this time, and why."""


class Questions(Protocol):
    """Who knows what the week was like."""

    async def report(self, week: Week) -> Report:
        """The report of a week. Never raises for what cannot be answered: that is ``unavailable``."""
        ...
