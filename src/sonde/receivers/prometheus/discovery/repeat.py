"""Asking again and again for targets: what every discovery but the static one has in common.

A way of finding targets is an ``ask`` that gives all groups or fails. Here stands when it is asked, that a failure
leaves the groups as they were, and who hears of it: one line in the log when it begins, changes or ends, and a counter.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

from prometheus_client import Counter

from sonde.errors import SondeError
from sonde.receivers.prometheus.discovery.target_group import Publish, TargetGroup

logger = logging.getLogger(__name__)

_REFRESHES: Final = Counter("sonde_receivers_discovery_refreshes", "Times that targets were asked for", ["mechanism"])
_FAILURES: Final = Counter(
    "sonde_receivers_discovery_failures", "Times that asking for targets failed, in whole or in part", ["mechanism"]
)

Pause = Callable[[float], Awaitable[object]]


class Found(NamedTuple):
    """What asking gave: all groups, and what went wrong with parts of it, by the part's name.

    A part that failed has its former groups among ``groups``.
    """

    groups: Sequence[TargetGroup]
    failures: Mapping[str, str] = {}


Ask = Callable[[], Awaitable[Found]]


class Repeating:
    """A ``Discovery`` that asks at an interval. ``pause`` is how it waits, ``release`` gives back what asking needs."""

    def __init__(
        self,
        mechanism: str,
        name: str,
        ask: Ask,
        *,
        interval_seconds: float,
        pause: Pause = asyncio.sleep,
        release: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.mechanism = mechanism
        self.name = name
        self._ask, self._interval_seconds, self._pause, self._release = ask, interval_seconds, pause, release
        self._failing: dict[str, str] = {}

    async def run(self, publish: Publish) -> None:
        """Publish what is found, at first and when it has changed, until cancelled."""
        before: Sequence[TargetGroup] | None = None
        try:
            while True:
                groups = await self._groups()
                if groups is not None and groups != before:
                    before = groups
                    publish(groups)
                await self._pause(self._interval_seconds)
        finally:
            if self._release:
                await self._release()

    async def _groups(self) -> Sequence[TargetGroup] | None:
        _REFRESHES.labels(self.mechanism).inc()
        try:
            found = await self._ask()
        except SondeError as error:
            self._note({self.name: error.message})
            return None
        except Exception as error:  # whatever one discovery meets, it must go on asking
            logger.exception("%s discovery %s: asking for targets broke", self.mechanism, self.name)
            self._note({self.name: f"{type(error).__name__}: {error}"})
            return None
        self._note(found.failures)
        return tuple(found.groups)

    def _note(self, failures: Mapping[str, str]) -> None:
        if failures:
            _FAILURES.labels(self.mechanism).inc(len(failures))
        for part, reason in failures.items():
            if self._failing.get(part) != reason:
                logger.warning("%s discovery %s: %s; its targets stay as they were", self.mechanism, part, reason)
        for part in self._failing.keys() - failures.keys():
            logger.info("%s discovery %s works again", self.mechanism, part)
        self._failing = dict(failures)
