"""One job: what its discoveries find becomes targets, and each target a loop."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from sonde.receivers.prometheus.discovery.target_group import Discovery, TargetGroup
from sonde.receivers.prometheus.http_session import Session, Sessions
from sonde.receivers.prometheus.scrape.cycle import Cycle, CycleRules
from sonde.receivers.prometheus.scrape.loop import Loop, Surroundings
from sonde.receivers.prometheus.scrape.series import SampleRules
from sonde.receivers.prometheus.scrape.source import HttpSource
from sonde.receivers.prometheus.scrape.target import ScrapedTarget, targets_of
from sonde.receivers.prometheus.scrape_config import ScrapeConfig
from sonde.telemetry.labels import Labels

Discover = Callable[[ScrapeConfig], Sequence[Discovery]]
"""The ways of finding targets that a job names."""

_DISCOVERY: Final = ("static_configs", "file_sd_configs", "http_sd_configs", "dns_sd_configs", "docker_sd_configs")

_Key = tuple[Labels, str]

logger = logging.getLogger(__name__)


class Pool:
    """The targets of one job.

    Args:
        job: Its configuration.
        surroundings: What all loops share.
        sessions: Connections over HTTP.
        discover: How its targets are found.
    """

    def __init__(self, job: ScrapeConfig, surroundings: Surroundings, sessions: Sessions, discover: Discover) -> None:
        self.job = job
        self.dropped: tuple[Labels, ...] = ()
        """Targets that relabelling drops, as they were discovered."""
        self._surroundings = surroundings
        self._sessions = sessions
        self._session = sessions.session(job)
        self._releases: set[asyncio.Task[None]] = set()
        self._discover = discover
        self._loops: dict[_Key, Loop] = {}
        self._ending: list[Loop] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._groups: dict[int, Sequence[TargetGroup]] = {}
        self._held: set[_Key] = set()
        self._errors: tuple[str, ...] = ()

    def start(self) -> None:
        """Begin to look for targets."""
        loop = asyncio.get_running_loop()
        for number, discovery in enumerate(self._discover(self.job)):
            work = discovery.run(functools.partial(self._publish, number))
            self._tasks.append(loop.create_task(work, name=f"discovery {number} of {self.job.job_name}"))

    def reload(self, job: ScrapeConfig) -> None:
        """Go on with another configuration. Targets that stay keep their series, and if nothing changes, all."""
        if job == self.job:
            return
        before, self.job = self.job, job
        session, self._session = self._session, self._sessions.session(job)
        if any(getattr(before, name) != getattr(job, name) for name in _DISCOVERY):
            self._end_discovery()
            self._groups, self._held = {}, set(self._loops)
            self.start()
        replaced = dict(self._loops)
        for key, loop in replaced.items():
            loop.leave(marks=False)
            self._loops[key] = self._loop(loop.target, loop)
        self._release(session, [*replaced.values(), *self._ending])
        self._sync()

    def leave(self) -> None:
        """The job is gone: its targets leave as if they were."""
        self._end_discovery()
        self._groups, self._held = {}, set()
        self._sync()
        self._release(self._session, self._ending)

    async def close(self) -> None:
        """End now, without staleness markers."""
        self._end_discovery()
        await asyncio.gather(*(loop.close() for loop in self.loops()))
        await asyncio.gather(*self._releases)

    def loops(self) -> list[Loop]:
        """All loops, those that are ending too."""
        self._ending = [loop for loop in self._ending if not loop.has_ended]
        return [*self._loops.values(), *self._ending]

    def active(self) -> Iterable[Loop]:
        """The loops of the targets that are there."""
        return self._loops.values()

    def _end_discovery(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    def _release(self, session: Session, users: Iterable[Loop]) -> None:
        """Close connections once the loops that use them have ended."""

        async def release(users: Sequence[Loop]) -> None:
            await asyncio.gather(*(loop.ended() for loop in users))
            await self._sessions.release(session)

        self._releases.add(task := asyncio.get_running_loop().create_task(release(tuple(users))))
        task.add_done_callback(self._releases.discard)

    def _publish(self, number: int, groups: Sequence[TargetGroup]) -> None:
        self._groups[number] = tuple(groups)
        if len(self._groups) >= len(self._tasks):
            self._held = set()
        self._sync()

    def _sync(self) -> None:
        """Start what is new, let go of what is gone."""
        found = targets_of(self.job, (group for number in sorted(self._groups) for group in self._groups[number]))
        self.dropped = found.dropped
        for error in found.errors:
            if error not in self._errors:
                logger.error("job %s: %s", self.job.job_name, error)
        self._errors = found.errors
        targets = {target.key: target for target in found.active}
        for key in [key for key in self._loops if key not in targets and key not in self._held]:
            loop = self._loops.pop(key)
            loop.leave()
            self._ending.append(loop)
        for key, target in targets.items():
            if key in self._loops:
                self._loops[key].target = target
            else:
                self._loops[key] = self._loop(target, None)
        limit, count = self.job.target_limit, len(self._loops)
        error = f"target_limit exceeded (number of targets: {count}, limit: {limit})" if 0 < limit < count else ""
        for loop in self._loops.values():
            loop.forced_error = error

    def _loop(self, target: ScrapedTarget, before: Loop | None) -> Loop:
        """A running loop; with the series and the status of the one before it."""
        rules = cycle_rules(self.job)
        source = HttpSource(self._session, target.url, self.job)
        cycle = before.cycle if before else Cycle(target.labels, rules)
        loop = Loop(target, source, cycle, rules, self._surroundings)
        if before is not None:
            loop.status = before.status
        loop.start(before)
        return loop


def cycle_rules(job: ScrapeConfig) -> CycleRules:
    """What a job says of its samples."""
    return CycleRules(
        samples=SampleRules(
            honor_labels=job.honor_labels,
            relabelling=job.metric_rules(),
            legacy_names=job.legacy_names,
            label_limit=job.label_limit,
            label_name_length_limit=job.label_name_length_limit,
            label_value_length_limit=job.label_value_length_limit,
        ),
        honor_timestamps=job.honor_timestamps,
        track_timestamps_staleness=job.track_timestamps_staleness,
        native_histograms=bool(job.scrape_native_histograms),
        classic_histograms=bool(job.always_scrape_classic_histograms),
        fallback=job.fallback_scrape_protocol,
        sample_limit=job.sample_limit,
        extra_metrics=bool(job.extra_scrape_metrics),
    )
