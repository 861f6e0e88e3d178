"""Silences: alerts that somebody does not want to hear of for a while, by matchers, with who said so and why.

A silence that is running keeps its past: what would change it ends it and makes a new one.
Specification: https://prometheus.io/docs/alerting/latest/alertmanager/#silences
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sonde.errors import NotFound, UserError
from sonde.notify.matchers import Matchers, all_match
from sonde.telemetry.matcher import Matcher
from sonde.telemetry.quoting import is_utf8, quote
from sonde.telemetry.regexp import fault_of

RETENTION: Final = 120 * 3600 * 10**9
"""How long a silence is remembered after its end, as Alertmanager has it."""


class SilenceState(enum.StrEnum):
    """Where in its time a silence is."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence; ``id`` is "" until it is kept."""

    matchers: Matchers
    starts_at: int
    ends_at: int
    created_by: str = ""
    comment: str = ""
    id: str = ""
    updated_at: int = 0

    def state_at(self, now: int) -> SilenceState:
        """Its state; at its very end it is over.

        >>> silence = Silence((), 10, 20)
        >>> [str(silence.state_at(now)) for now in (9, 10, 19, 20)]
        ['pending', 'active', 'active', 'expired']
        """
        if now < self.starts_at:
            return SilenceState.PENDING
        return SilenceState.ACTIVE if now < self.ends_at else SilenceState.EXPIRED

    def mutes_at(self, now: int) -> bool:
        """Whether it silences."""
        return self.starts_at <= now < self.ends_at

    def has_ended(self, now: int) -> bool:
        """Whether it will never silence again."""
        return now >= self.ends_at


def new_silence_matcher(name: str, value: str, *, is_regex: bool, is_equal: bool) -> Matcher:
    """A matcher as the API words it.

    >>> new_silence_matcher("a", "b", is_regex=True, is_equal=False)
    Matcher(name='a', operator='!~', value='b')
    """
    if is_equal:
        return Matcher(name, "=~" if is_regex else "=", value)
    return Matcher(name, "!~" if is_regex else "!=", value)


def check_silence(silence: Silence) -> None:
    """Refuse a silence that makes no sense.

    Raises:
        UserError: in Alertmanager's words.

    >>> check_silence(Silence((Matcher("a", "=", ""),), 1, 2))
    Traceback (most recent call last):
    sonde.errors.UserError: invalid silence: at least one matcher must not match the empty string [silence.invalid]
    """
    if not silence.matchers:
        raise _invalid("at least one matcher required")
    for place, matcher in enumerate(silence.matchers):
        if fault := _fault(matcher):
            raise _invalid(f"invalid label matcher {place}: {fault}")
    if all(matcher.operator in {"=", "=~"} and matcher.matches_empty for matcher in silence.matchers):
        raise _invalid("at least one matcher must not match the empty string")
    if not silence.starts_at:
        raise _invalid("invalid zero start timestamp")
    if not silence.ends_at:
        raise _invalid("invalid zero end timestamp")
    if silence.ends_at < silence.starts_at:
        raise _invalid("end time must not be before start time")


def _fault(matcher: Matcher) -> str:
    if not matcher.name or not is_utf8(matcher.name):
        return f"invalid label name {quote(matcher.name)}"
    if matcher.operator in {"=", "!="}:
        return "" if is_utf8(matcher.value) else f"invalid label value {quote(matcher.value)}"
    fault = fault_of(matcher.value)
    return f"invalid regular expression {quote(matcher.value)}: {fault}" if fault else ""


def _invalid(what: str) -> UserError:
    return UserError(f"invalid silence: {what}", code="silence.invalid")


class Silences:
    """All silences, and which of them silence an alert.

    ``new_id`` makes ids; ``keep`` is called with each silence that is new or has changed, before it is in force.
    """

    def __init__(
        self,
        known: Iterable[Silence],
        *,
        new_id: Callable[[], str],
        keep: Callable[[Iterable[Silence]], None],
        retention: int = RETENTION,
    ) -> None:
        self._known = {silence.id: silence for silence in known}
        self._new_id = new_id
        self._keep = keep
        self._retention = retention
        self._version = 0
        self._of_alert: dict[int, tuple[int, tuple[Silence, ...]]] = {}

    def __iter__(self) -> Iterator[Silence]:
        return iter(list(self._known.values()))

    def get(self, silence_id: str) -> Silence:
        """A silence by its id. Raises ``NotFound``."""
        try:
            return self._known[silence_id]
        except KeyError:
            raise NotFound(f"silence {silence_id} not found", code="silence.not_found") from None

    def put(self, wanted: Silence, now: int) -> Silence:
        """Add a silence, or change the one with its id; returns it as it is now, maybe with another id.

        Raises:
            UserError: it makes no sense.
            NotFound: it has an id that nobody knows.
        """
        wanted = replace(wanted, starts_at=wanted.starts_at or now)
        check_silence(wanted)
        previous = self.get(wanted.id) if wanted.id else None
        if previous and _keeps_history(previous, wanted, now):
            silence = replace(wanted, updated_at=now)
            self._set(silence)
            return silence
        silence = replace(wanted, id=self._new_id(), starts_at=max(wanted.starts_at, now), updated_at=now)
        # One transaction: there is never a moment with neither of the two, or with both.
        self._set(*((_ended(previous, now),) if previous and not previous.has_ended(now) else ()), silence)
        return silence

    def expire(self, silence_id: str, now: int) -> None:
        """End a silence now; one that has ended stays as it is. Raises ``NotFound``."""
        silence = self.get(silence_id)
        if not silence.has_ended(now):
            self._set(_ended(silence, now))

    def silencing(self, fingerprint: int, labels: Mapping[str, str], now: int) -> tuple[str, ...]:
        """The ids of the silences that silence these labels now."""
        if not self._known:
            return ()
        version, found = self._of_alert.get(fingerprint, (-1, ()))
        if version != self._version:
            found = tuple(
                silence
                for silence in self._known.values()
                if not silence.has_ended(now) and all_match(silence.matchers, labels)
            )
            self._of_alert[fingerprint] = (self._version, found)
        return tuple(sorted(silence.id for silence in found if silence.mutes_at(now))) if found else ()

    def forget_alert(self, fingerprint: int) -> None:
        """An alert is gone."""
        self._of_alert.pop(fingerprint, None)

    def collect(self, now: int) -> list[str]:
        """Drop the silences that ended long ago; returns their ids."""
        gone = [silence.id for silence in self._known.values() if silence.ends_at + self._retention <= now]
        for silence_id in gone:
            del self._known[silence_id]
        return gone

    def _set(self, *silences: Silence) -> None:
        self._keep(silences)
        for silence in silences:
            self._known[silence.id] = silence
        self._version += 1


def _ended(silence: Silence, now: int) -> Silence:
    return replace(silence, starts_at=min(silence.starts_at, now), ends_at=now, updated_at=now)


def _keeps_history(old: Silence, new: Silence, now: int) -> bool:
    """Whether a change leaves it true when and what was silenced until now."""
    if old.has_ended(now) or old.matchers != new.matchers:
        return False
    if now < old.starts_at:
        return new.starts_at >= now
    return new.starts_at // 10**9 == old.starts_at // 10**9 and new.ends_at >= now
