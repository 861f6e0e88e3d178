"""All scraping of a server: the jobs of its configuration, the collectors inside of it, and what is known of both.

``app`` gives it a ``Consumer``; the Prometheus API reads ``pools``, ``active``, ``dropped`` and ``metadata`` of it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sonde.receivers.collector import Collector
from sonde.receivers.consumer import Consumer
from sonde.receivers.prometheus.discovery.providers import discoveries
from sonde.receivers.prometheus.discovery.target_group import Discovery
from sonde.receivers.prometheus.http_session import Sessions
from sonde.receivers.prometheus.scrape.clock import Clock, SystemClock
from sonde.receivers.prometheus.scrape.cycle import Cycle, CycleRules
from sonde.receivers.prometheus.scrape.loop import Loop, Surroundings
from sonde.receivers.prometheus.scrape.pool import Pool
from sonde.receivers.prometheus.scrape.source import CollectorSource
from sonde.receivers.prometheus.scrape.target import ScrapedTarget
from sonde.receivers.prometheus.scrape_config import ScrapeConfig, ScrapeConfigs
from sonde.telemetry.duration import duration_text
from sonde.telemetry.labels import Labels, labels_of
from sonde.telemetry.scrape_target import DroppedTarget, Target, TargetMetadata

COLLECTOR_TIMEOUT_MILLI: Final = 10_000


class Scraper:
    """Scrapes for one tenant.

    Args:
        consumer: Where the samples go.
        tenant: Whose they are.
        collectors: What is scraped inside of this process, and how often, in milliseconds.
        clock: What it runs by.
        server: What makes the places of targets in their intervals different from those of other servers.
        discover: How the targets of a job are found, if not by what its configuration names.
    """

    def __init__(
        self,
        consumer: Consumer,
        tenant: str,
        *,
        collectors: Sequence[tuple[Collector, int]] = (),
        clock: Clock | None = None,
        server: str = "",
        discover: Callable[[ScrapeConfig], Sequence[Discovery]] | None = None,
    ) -> None:
        self._tenant = tenant
        self._collectors = [collector for collector, _ in collectors]
        self._sessions = Sessions()
        self._discover = discover or (lambda job: discoveries(job, sessions=self._sessions))
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sonde-scrape")
        self._surroundings = Surroundings(
            consumer=consumer,
            tenant=tenant,
            clock=clock or SystemClock(),
            seed=server or socket.gethostname(),
            threads=self._threads,
            others=self._others,
        )
        self._pools: dict[str, Pool] = {}
        self._leaving: list[Pool] = []
        self._inside = [_inside(collector, interval, self._surroundings) for collector, interval in collectors]

    async def start(self, configs: ScrapeConfigs | None = None) -> None:
        """Begin to scrape."""
        for loop in self._inside:
            loop.start()
        if configs is not None:
            await self.reload(configs)

    async def reload(self, configs: ScrapeConfigs) -> None:
        """Go on with another configuration; what is the same in it goes on undisturbed."""
        jobs = {job.job_name: job for job in configs.jobs}
        self._leaving = [pool for pool in self._leaving if pool.loops()]
        for name in [name for name in self._pools if name not in jobs]:
            pool = self._pools.pop(name)
            pool.leave()
            self._leaving.append(pool)
        for name, job in jobs.items():
            if name in self._pools:
                self._pools[name].reload(job)
            else:
                self._pools[name] = Pool(job, self._surroundings, self._sessions, self._discover)
                self._pools[name].start()

    async def stop(self) -> None:
        """End now, without staleness markers: who starts again goes on where this ended."""
        pools = [*self._pools.values(), *self._leaving]
        await asyncio.gather(*(pool.close() for pool in pools), *(loop.close() for loop in self._inside))
        await asyncio.gather(*(collector.close() for collector in self._collectors))
        await self._sessions.close()
        self._threads.shutdown(wait=False)

    def pools(self, tenant: str) -> Sequence[str]:
        """The names of all scrape pools."""
        names = [*(name for name, _ in self._of(tenant)), *(name for name, _ in self._targets(tenant))]
        return list(dict.fromkeys(names))

    def active(self, tenant: str) -> Sequence[Target]:
        """The targets that are scraped."""
        return [_shown(pool, loop) for pool, loop in self._targets(tenant)]

    def dropped(self, tenant: str) -> Sequence[DroppedTarget]:
        """The targets that relabelling has dropped, or as many of them as are kept."""
        return [
            DroppedTarget(name, discovered)
            for name, pool in self._of(tenant)
            for discovered in pool.dropped[: pool.job.keep_dropped_targets or None]
        ]

    def dropped_counts(self, tenant: str) -> Mapping[str, int]:
        """How many targets were dropped, by pool."""
        return {name: len(pool.dropped) for name, pool in self._of(tenant)}

    def metadata(self, tenant: str) -> Sequence[TargetMetadata]:
        """What the active targets say of their metrics."""
        return [
            TargetMetadata(loop.target.labels, name, about.type, about.help, about.unit)
            for _, loop in self._targets(tenant)
            for name, about in loop.cycle.metadata.items()
        ]

    def _of(self, tenant: str) -> Iterable[tuple[str, Pool]]:
        return self._pools.items() if tenant == self._tenant else ()

    def _targets(self, tenant: str) -> list[tuple[str, Loop]]:
        if tenant != self._tenant:
            return []
        inside = [(dict(loop.target.labels)["job"], loop) for loop in self._inside]
        return [*((name, loop) for name, pool in self._pools.items() for loop in pool.active()), *inside]

    def _others(self, loop: Loop, since_milli: int) -> set[Labels]:
        labels = loop.target.labels
        found: set[Labels] = set()
        for pool in self._pools.values():
            for other in pool.active():
                if other is not loop and other.target.labels == labels:
                    found |= other.cycle.stored_since(since_milli)
        return found


def _shown(pool: str, loop: Loop) -> Target:
    target, status = loop.target, loop.status
    return Target(
        pool=pool,
        url=target.url,
        discovered=target.discovered,
        labels=target.labels,
        health=status.health,
        last_error=status.last_error,
        last_scrape_unix_nano=status.last_scrape_unix_nano,
        last_scrape_seconds=status.last_scrape_seconds,
        interval=duration_text(target.interval_milli),
        timeout=duration_text(target.timeout_milli),
    )


def _inside(collector: Collector, interval_milli: int, surroundings: Surroundings) -> Loop:
    """The loop of a collector."""
    labels = labels_of({"job": collector.job, "instance": collector.instance})
    target = ScrapedTarget(
        every_label=labels,
        discovered=labels_of({"__address__": collector.instance, "job": collector.job}),
        url=f"sonde://{collector.job}",
        interval_milli=interval_milli,
        timeout_milli=min(COLLECTOR_TIMEOUT_MILLI, interval_milli),
    )
    rules = CycleRules()
    return Loop(target, CollectorSource(collector), Cycle(target.labels, rules), rules, surroundings)
