"""Go's ``time``: instants, durations, months and weekdays with the methods that templates call on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import ClassVar, Final

from sonde.telemetry.template.time_layout import MONTHS, WEEKDAYS, formatted, zone_name
from sonde.telemetry.template.values import Struct

_SECOND: Final = 10**9
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Duration(int):
    """A length of time in nanoseconds.

    >>> str(Duration(5_400_000_000_000).text()), Duration(1_500_000).text(), Duration(0).text()
    ('1h30m0s', '1.5ms', '0s')
    """

    GO_TYPE: ClassVar[str] = "time.Duration"
    METHODS: ClassVar[Mapping[str, str]] = {
        "Abs": "absolute",
        "Hours": "hours",
        "Microseconds": "microseconds",
        "Milliseconds": "milliseconds",
        "Minutes": "minutes",
        "Nanoseconds": "nanoseconds",
        "Round": "rounded",
        "Seconds": "seconds",
        "String": "text",
        "Truncate": "truncated",
    }

    def hours(self) -> float:
        """Hours with their fraction."""
        return self / (3600 * _SECOND)

    def minutes(self) -> float:
        """Minutes with their fraction."""
        return self / (60 * _SECOND)

    def seconds(self) -> float:
        """Seconds with their fraction."""
        return self / _SECOND

    def milliseconds(self) -> int:
        """Whole milliseconds."""
        return _quotient(self, 10**6)

    def microseconds(self) -> int:
        """Whole microseconds."""
        return _quotient(self, 10**3)

    def nanoseconds(self) -> int:
        """Nanoseconds."""
        return int(self)

    def absolute(self) -> Duration:
        """Without its sign."""
        return Duration(abs(int(self)))

    def truncated(self, unit: Duration) -> Duration:
        """Towards zero, to a multiple."""
        return self if unit <= 0 else Duration(_quotient(self, unit) * unit)

    def rounded(self, unit: Duration) -> Duration:
        """To the nearest multiple, half away from zero."""
        if unit <= 0:
            return self
        size = (abs(int(self)) * 2 + unit) // (2 * unit) * unit
        return Duration(size if self >= 0 else -size)

    def text(self) -> str:
        """As Go writes it."""
        if self == 0:
            return "0s"
        sign, rest = ("-" if self < 0 else ""), abs(int(self))
        for unit, size in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
            if rest < size * 1000:
                return f"{sign}{_decimal(rest, size)}{unit}"
        minutes, rest = divmod(rest, 60 * _SECOND)
        hours, minutes = divmod(minutes, 60)
        larger = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
        return f"{sign}{larger}{_decimal(rest, _SECOND)}s"


class Month(int):
    """A month, from 1."""

    GO_TYPE: ClassVar[str] = "time.Month"
    METHODS: ClassVar[Mapping[str, str]] = {"String": "text"}

    def text(self) -> str:
        """Its English name."""
        return MONTHS[self - 1]


class Weekday(int):
    """A day of the week, from Sunday, which is 0."""

    GO_TYPE: ClassVar[str] = "time.Weekday"
    METHODS: ClassVar[Mapping[str, str]] = {"String": "text"}

    def text(self) -> str:
        """Its English name."""
        return WEEKDAYS[self]


@dataclass(frozen=True, slots=True)
class Time(Struct):
    """An instant, in a time zone.

    >>> Time.at(datetime(2026, 3, 1, 12, 30, tzinfo=UTC)).text()
    '2026-03-01 12:30:00 +0000 UTC'
    """

    GO_TYPE: ClassVar[str] = "time.Time"
    METHODS: ClassVar[Mapping[str, str]] = {
        "Add": "plus",
        "AddDate": "plus_date",
        "After": "is_after",
        "Before": "is_before",
        "Compare": "compared",
        "Day": "day",
        "Equal": "is_same",
        "Format": "format",
        "Hour": "hour",
        "IsZero": "is_zero",
        "Local": "utc",
        "MarshalJSON": "rfc3339",
        "Minute": "minute",
        "Month": "month",
        "Nanosecond": "nanosecond_of_second",
        "Second": "second",
        "String": "text",
        "Sub": "minus",
        "Truncate": "truncated",
        "UTC": "utc",
        "Unix": "unix",
        "UnixMicro": "unix_micro",
        "UnixMilli": "unix_milli",
        "UnixNano": "unix_nano",
        "Weekday": "weekday",
        "Year": "year",
        "YearDay": "year_day",
    }

    seconds: int
    """Since 1970."""
    nanosecond: int = 0
    zone: tzinfo = UTC

    @classmethod
    def at(cls, moment: datetime) -> Time:
        """The instant of a datetime that knows its zone."""
        passed = moment - _EPOCH
        return cls(passed.days * 86_400 + passed.seconds, passed.microseconds * 1000, moment.tzinfo or UTC)

    @classmethod
    def of_nanoseconds(cls, nanoseconds: int) -> Time:
        """The instant so many nanoseconds after 1970, in UTC."""
        return cls(*divmod(nanoseconds, _SECOND))

    def moment(self) -> datetime:
        """The instant as a datetime, to the second."""
        return (_EPOCH + timedelta(seconds=self.seconds)).astimezone(self.zone)

    def format(self, layout: str) -> str:
        """Written as the reference time, 2006-01-02 15:04:05, is in the layout."""
        return formatted(self.moment(), self.nanosecond, layout)

    def text(self) -> str:
        """As Go prints it."""
        return self.format("2006-01-02 15:04:05.999999999 -0700 MST")

    def rfc3339(self) -> str:
        """As JSON has it."""
        return self.format("2006-01-02T15:04:05.999999999Z07:00")

    def within(self, zone: tzinfo) -> Time:
        """The same instant in another zone."""
        return Time(self.seconds, self.nanosecond, zone)

    def utc(self) -> Time:
        """The same instant in UTC, which is also what is local here."""
        return self.within(UTC)

    def unix_nano(self) -> int:
        """Nanoseconds since 1970."""
        return self.seconds * _SECOND + self.nanosecond

    def unix_micro(self) -> int:
        """Microseconds since 1970."""
        return self.unix_nano() // 1000

    def unix_milli(self) -> int:
        """Milliseconds since 1970."""
        return self.unix_nano() // 10**6

    def unix(self) -> int:
        """Seconds since 1970."""
        return self.seconds

    def plus(self, duration: Duration) -> Time:
        """So much later."""
        return Time(*divmod(self.unix_nano() + duration, _SECOND), self.zone)

    def plus_date(self, years: int, months: int, days: int) -> Time:
        """So many years, months and days later; a day that a month lacks is one of the next."""
        here = self.moment()
        year, month = divmod(here.year * 12 + here.month - 1 + 12 * years + months, 12)
        moved = Time.at(here.replace(year=year, month=month + 1, day=1) + timedelta(days=here.day - 1 + days))
        return Time(moved.seconds, self.nanosecond, self.zone)

    def minus(self, other: Time) -> Duration:
        """How much later than the other."""
        return Duration(max(-(2**63), min(self.unix_nano() - other.unix_nano(), 2**63 - 1)))

    def truncated(self, unit: Duration) -> Time:
        """Down to a multiple, counted from the year 1."""
        nanoseconds = self.unix_nano() + _FROM_YEAR_1
        return self if unit <= 0 else Time(*divmod(nanoseconds - nanoseconds % unit - _FROM_YEAR_1, _SECOND), self.zone)

    def compared(self, other: Time) -> int:
        """-1, 0 or 1."""
        return (self.unix_nano() > other.unix_nano()) - (self.unix_nano() < other.unix_nano())

    def is_after(self, other: Time) -> bool:
        """Whether it is later."""
        return self.unix_nano() > other.unix_nano()

    def is_before(self, other: Time) -> bool:
        """Whether it is earlier."""
        return self.unix_nano() < other.unix_nano()

    def is_same(self, other: Time) -> bool:
        """Whether it is the same instant, in whatever zone."""
        return self.unix_nano() == other.unix_nano()

    def is_zero(self) -> bool:
        """Whether it is the first instant of the year 1, which is what Go has for none."""
        return self.unix_nano() == -_FROM_YEAR_1

    def year(self) -> int:
        """The year."""
        return self.moment().year

    def month(self) -> Month:
        """The month."""
        return Month(self.moment().month)

    def day(self) -> int:
        """The day of the month."""
        return self.moment().day

    def weekday(self) -> Weekday:
        """The day of the week."""
        return Weekday(self.moment().isoweekday() % 7)

    def year_day(self) -> int:
        """The day of the year, from 1."""
        return self.moment().timetuple().tm_yday

    def hour(self) -> int:
        """The hour."""
        return self.moment().hour

    def minute(self) -> int:
        """The minute."""
        return self.moment().minute

    def second(self) -> int:
        """The second."""
        return self.moment().second

    def nanosecond_of_second(self) -> int:
        """The nanosecond within the second."""
        return self.nanosecond

    def zone_name(self) -> str:
        """The zone's abbreviation."""
        return zone_name(self.moment())


_FROM_YEAR_1: Final = 62_135_596_800 * _SECOND
ZERO_TIME: Final = Time(-62_135_596_800)
"""What Go has for no time."""


def fixed_zone(minutes: int) -> tzinfo:
    """A zone that is always so far from UTC."""
    return timezone(timedelta(minutes=minutes))


def _quotient(value: int, unit: int) -> int:
    """Towards zero."""
    return abs(int(value)) // unit * (1 if value >= 0 else -1)


def _decimal(value: int, unit: int) -> str:
    """A quotient with as many decimals as it has."""
    whole, rest = divmod(value, unit)
    decimals = str(rest).rjust(len(str(unit)) - 1, "0").rstrip("0") if rest else ""
    return f"{whole}.{decimals}" if decimals else str(whole)
