"""What a service level objective is, however it was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from sonde.rules.slo.burn_rate import BurnRate, burn_rates

Calendar = Literal["", "day", "week", "month", "quarter", "year"]

CALENDAR_DAYS: Final[Mapping[Calendar, int]] = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
"""How long a period may be at most."""


@dataclass(frozen=True, slots=True)
class Period:
    """The time over which the budget counts: the last ``days``, or what has gone by of a calendar's period, in UTC."""

    days: int
    calendar: Calendar = ""


@dataclass(frozen=True, slots=True)
class Indicator:
    """What is counted, as PromQL: ``errors`` and ``events``, both a second and with the same labels."""

    errors: str
    events: str


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """What is to be done when less than a share of the budget is left."""

    below: float
    action: str
    severity: str = "warning"


@dataclass(frozen=True, slots=True)
class Objective:
    """A promise about an indicator over a period."""

    name: str
    service: str
    target: float
    """The share of events that are good: 0.999."""
    period: Period
    indicator: Indicator
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    minimum_events: int = 0
    """Nobody is told about windows with fewer events: one error of three is no outage."""
    alerts_without_data: bool = False
    policies: tuple[BudgetPolicy, ...] = ()
    alerts: tuple[BurnRate, ...] | None = None
    """Other alerts than those of the period."""

    @property
    def budget(self) -> float:
        """The share of events that may be bad; rounded, so that 1 - 0.999 is 0.001."""
        return round(1 - self.target, 12)

    @property
    def burn_rates(self) -> tuple[BurnRate, ...]:
        """The alerts on how fast the budget burns."""
        return burn_rates(self.period.days) if self.alerts is None else self.alerts
