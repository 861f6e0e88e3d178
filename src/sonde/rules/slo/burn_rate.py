"""Google's multi-window, multi-burn-rate alerts, and what becomes of them in other periods than 30 days.

https://sre.google/workbook/alerting-on-slos/ (section 6)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_HOUR: Final = 60
_DAY: Final = 24 * _HOUR
_REFERENCE_DAYS: Final = 30
_MONTHS: Final = range(28, 32)
_LEAST_SHORT: Final = 5
_LEAST_LONG: Final = 10


@dataclass(frozen=True, slots=True)
class BurnRate:
    """An alert: in both windows (minutes) the budget burns ``factor`` times as fast as it may.

    Without a short window only the long one counts, and ``for_minutes`` says how long it must last.
    """

    severity: str
    factor: float
    long: int
    short: int = 0
    for_minutes: int = 0
    operator: str = ">"
    name: str = ""
    """Tells this alert from the others of an objective, where it was given a name."""


GOOGLE: Final = (
    BurnRate("critical", 14.4, _HOUR, 5),  # 2 % of the budget of 30 days
    BurnRate("critical", 6.0, 6 * _HOUR, 30),  # 5 %
    BurnRate("warning", 3.0, _DAY, 2 * _HOUR),  # 10 %
    BurnRate("warning", 1.0, 3 * _DAY, 6 * _HOUR),  # 10 %
)


def burn_rates(days: int) -> tuple[BurnRate, ...]:
    """The alerts for a period.

    About a month long, the windows stay and the factors shift, so that the same share of the budget is gone when
    somebody is told. Otherwise the factors stay and the windows shrink or grow with the period.

    >>> [(rate.factor, rate.long, rate.short) for rate in burn_rates(30)]
    [(14.4, 60, 5), (6.0, 360, 30), (3.0, 1440, 120), (1.0, 4320, 360)]
    >>> [(rate.factor, rate.long, rate.short) for rate in burn_rates(28)]
    [(13.44, 60, 5), (5.6, 360, 30), (2.8, 1440, 120), (0.933333, 4320, 360)]
    >>> [(rate.factor, rate.long, rate.short) for rate in burn_rates(7)]
    [(14.4, 14, 5), (6.0, 84, 7), (3.0, 336, 28), (1.0, 1008, 84)]
    """
    scale = days / _REFERENCE_DAYS
    if days in _MONTHS:
        return tuple(BurnRate(rate.severity, round(rate.factor * scale, 6), rate.long, rate.short) for rate in GOOGLE)
    return tuple(
        BurnRate(
            rate.severity,
            rate.factor,
            max(round(rate.long * scale), _LEAST_LONG),
            max(round(rate.short * scale), _LEAST_SHORT),
        )
        for rate in GOOGLE
    )
