"""When to call the URLs that know from our calls that we live; nothing here calls.

We call only while all of the chain works, from data to alert: whoever waits for our call then knows that alerts would
come, and tells somebody when no call comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from sonde.notify.response.watchdog import Ping

_NANO: Final = 10**9


class Alive(Protocol):
    """Whether the chain from data to alert works."""

    def obstacles(self, now: int) -> Sequence[str]:
        """What does not work; nothing when all does. Cheap, and never blocks."""
        ...


@dataclass(frozen=True, slots=True)
class Signs:
    """Signs of life, each by its name: a function of the time that says what is wrong, or "".

    >>> Signs({"store": lambda now: "", "rules": lambda now: "no evaluation for 5m"}).obstacles(0)
    ['rules: no evaluation for 5m']
    """

    signs: Mapping[str, Callable[[int], str]]

    def obstacles(self, now: int) -> Sequence[str]:
        """See ``Alive``."""
        return [f"{name}: {said}" for name, sign in self.signs.items() if (said := sign(now))]


def recent(what: str, last: Callable[[], int | None], within: int) -> Callable[[int], str]:
    """A sign of life: something that must have been there within so long; None: there is nothing of the kind to do.

    >>> sign = recent("evaluation of a rule", lambda: 100 * 10**9, 60 * 10**9)
    >>> sign(130 * 10**9), sign(200 * 10**9)
    ('', 'no evaluation of a rule for 100 s')
    """

    def sign(now: int) -> str:
        at = last()
        return "" if at is None or now - at <= within else f"no {what} for {(now - at) // _NANO} s"

    return sign


@dataclass(frozen=True, slots=True)
class PingStatus:
    """How calls go. Times are Unix nanoseconds."""

    attempted_at: int = 0
    arrived_at: int = 0
    error: str = ""
    """Of the last call, or why there was none."""


class Pings:
    """The calls of one tenant's watchdogs.

    Args:
        pings: Of the response file.
        alive: Whether to call at all.
        now: The time at which it begins.
    """

    def __init__(self, pings: Iterable[Ping], alive: Alive, now: int) -> None:
        self._alive = alive
        self._at: dict[str, int] = {}
        self._statuses: dict[str, PingStatus] = {}
        self._under_way: set[str] = set()
        self.reload(pings, now)

    def reload(self, pings: Iterable[Ping], now: int) -> None:
        """Go on with other watchdogs."""
        self.pings = {ping.name: ping for ping in pings}
        self._at = {name: min(self._at.get(name, now), now + ping.every) for name, ping in self.pings.items()}
        self._statuses = {name: self._statuses.get(name, PingStatus()) for name in self.pings}

    def next_at(self) -> int | None:
        """When the next call is due; None: never."""
        return min(self._at.values(), default=None)

    def advance(self, now: int) -> list[Ping]:
        """The calls to make now. One that is still under way is not made again."""
        due: list[Ping] = []
        obstacles: Sequence[str] | None = None
        for name, ping in self.pings.items():
            if self._at[name] > now:
                continue
            # On its own beat, however late we are.
            self._at[name] += ((now - self._at[name]) // ping.every + 1) * ping.every
            obstacles = self._alive.obstacles(now) if obstacles is None else obstacles
            if obstacles:
                self._statuses[name] = replace(self._statuses[name], error=f"not called: {'; '.join(obstacles)}")
            elif name not in self._under_way:
                self._under_way.add(name)
                self._statuses[name] = replace(self._statuses[name], attempted_at=now)
                due.append(ping)
        return due

    def settle(self, ping: Ping, error: str, now: int) -> None:
        """A call is over; "" if it has arrived."""
        self._under_way.discard(ping.name)
        if ping.name in self._statuses:
            status = self._statuses[ping.name]
            self._statuses[ping.name] = replace(status, error=error, arrived_at=status.arrived_at if error else now)

    def statuses(self) -> Mapping[str, PingStatus]:
        """How calls go, by the names of the watchdogs."""
        return dict(self._statuses)
