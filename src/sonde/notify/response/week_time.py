"""A time of the week in a time zone: when the digest is due. Daylight saving time is the zone's business."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from sonde.errors import UserError

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WRITTEN: Final = re.compile(r"\s*([A-Za-z]+)\s+([01]\d|2[0-3]):([0-5]\d)\s*", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_WEEK: Final = 7


@dataclass(frozen=True, slots=True)
class WeekTime:
    """``Monday 08:00``. ``weekday`` counts from Monday, 0."""

    weekday: int
    hour: int
    minute: int
    zone: tzinfo = UTC

    def at_or_before(self, now: int) -> int:
        """The last occasion that is not after a time; times are Unix nanoseconds.

        A time that the clocks skip is taken as long after the skip as it would have been; of one that they show twice,
        the first is meant.

        >>> import zoneinfo
        >>> monday = WeekTime(0, 8, 0, zoneinfo.ZoneInfo("Europe/Berlin"))
        >>> def shown(day, hour):
        ...     now = int(datetime(2026, 3, day, hour, tzinfo=UTC).timestamp()) * 10**9
        ...     return datetime.fromtimestamp(monday.at_or_before(now) // 10**9, UTC).isoformat()
        >>> shown(23, 7), shown(30, 6)  # summer time begins between the two
        ('2026-03-23T07:00:00+00:00', '2026-03-30T06:00:00+00:00')
        """
        today = datetime.fromtimestamp(now // 10**9, self.zone).date()
        day = today - timedelta(days=(today.weekday() - self.weekday) % _WEEK)
        # A day of margin: near midnight a zone's date and the occasion's may differ by the clocks' change.
        found = [self._on(day + timedelta(days=_WEEK * weeks)) for weeks in (-2, -1, 0, 1)]
        return max(at for at in found if at <= now)

    def after(self, now: int) -> int:
        """The next occasion after a time."""
        day = datetime.fromtimestamp(self.at_or_before(now) // 10**9, self.zone).date()
        day -= timedelta(days=(day.weekday() - self.weekday) % _WEEK)
        return min(at for weeks in (0, 1, 2) if (at := self._on(day + timedelta(days=_WEEK * weeks))) > now)

    def before(self, occasion: int) -> int:
        """The occasion before an occasion: a week, or an hour more or less where the clocks changed."""
        return self.at_or_before(occasion - 1)

    def _on(self, day: date) -> int:
        local = datetime.combine(day, time(self.hour, self.minute), self.zone)
        return (local.astimezone(UTC) - _EPOCH) // _SECOND * 10**9

    def __str__(self) -> str:
        return f"{DAYS[self.weekday]} {self.hour:02}:{self.minute:02}"


def parse_week_time(text: str, zone: tzinfo) -> WeekTime:
    """Read ``Monday 08:00``.

    >>> str(parse_week_time("fri 17:30", UTC))
    'Friday 17:30'

    Raises:
        UserError: It is none.
    """
    found = _WRITTEN.fullmatch(text)
    days = [
        number
        for number, name in enumerate(DAYS)
        if found and len(found[1]) >= len("Mon") and name.lower().startswith(found[1].lower())
    ]
    if found is None or not days:
        raise UserError(
            f'"{text}" is not a time of the week', code="notify.week_time", hint='write it like "Monday 08:00"'
        )
    return WeekTime(days[0], int(found[2]), int(found[3]), zone)
