"""Puts together what the groups' files say and what Docker says of the containers in them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from sonde.receivers.collector import Family, Sample, gauge, merged
from sonde.receivers.containers.cgroup import Group, groups
from sonde.receivers.containers.docker import Container, running
from sonde.receivers.containers.metrics import INTERFACE, METRICS
from sonde.receivers.machine import machine_name
from sonde.receivers.part import Lane, Parts
from sonde.telemetry.labels import labels_of

logger = logging.getLogger(__name__)

SOCKET: Final = Path("/var/run/docker.sock")


class ContainersCollector:
    """The containers of this machine, and its other groups, as cAdvisor tells them.

    Without Docker's socket there are groups with their ``id`` alone; it is said once.

    Args:
        rootfs: Where the machine's root is: ``/host`` in a container that has it mounted there.
        socket: Docker's or Podman's socket.
        only_containers: Leave out groups that are no container's, such as those of services.
        labels: The containers' own labels that samples get; all of them by default.
        timeout_seconds: The longest that asking Docker, or reading the groups, may take.
    """

    job = "cadvisor"

    def __init__(
        self,
        rootfs: Path = Path("/"),
        *,
        socket: Path = SOCKET,
        only_containers: bool = False,
        labels: Collection[str] | None = None,
        timeout_seconds: float = 5.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._rootfs = rootfs
        self._socket = socket
        self._only_containers = only_containers
        self._labels = None if labels is None else frozenset(labels)
        self._parts = Parts("containers", timeout_seconds=timeout_seconds)
        self._lane = Lane()
        self._timeout_seconds = timeout_seconds
        self._now = now
        self._has_said_that_docker_is_absent = False

    @property
    def instance(self) -> str:
        """The machine's name."""
        return machine_name(self._rootfs)

    async def collect(self) -> Sequence[Family]:
        """Every group; ``container_scrape_error`` 1 where groups or Docker could not be asked."""
        known: dict[str, Container] = {}

        async def ask_docker() -> Iterable[Family]:
            known.update(await running(self._socket, timeout_seconds=self._timeout_seconds))
            return ()

        async def read_groups() -> Iterable[Family]:
            return await self._lane.run(lambda: list(self._families(known)))

        asked = await self._parts.run("docker", ask_docker)
        if asked.absent and not self._has_said_that_docker_is_absent:
            self._has_said_that_docker_is_absent = True
            logger.info("collector containers: no socket at %s, so groups have no names and images", self._socket)
        read = await self._parts.run("cgroups", read_groups)
        error = float(asked.failed or read.failed)
        text = "1 if there was an error while getting container metrics, 0 otherwise"
        return merged([*read.families, gauge("container_scrape_error", text, error)])

    async def close(self) -> None:
        """Nothing is held open."""

    def _families(self, known: Mapping[str, Container]) -> Iterator[Family]:
        found = groups(self._rootfs / "sys/fs/cgroup", only_containers=self._only_containers)
        labelled = [(group, self._labels_of(group, known)) for group in found]
        for metric in METRICS:
            samples = [
                Sample(labels_of(labels | own), value)
                for group, labels in labelled
                for own, value in metric.values(group)
            ]
            yield Family(metric.name, metric.type, metric.help, samples)
        yield from self._networks(labelled)
        now = self._now()
        seen = "Last time a container was seen by the exporter"
        yield gauge("container_last_seen", seen, [(labels, int(now)) for _, labels in labelled])
        yield gauge(
            "container_start_time_seconds",
            "Start time of the container since unix epoch in seconds.",
            [(labels, int(_created(group, known))) for group, labels in labelled],
        )

    def _labels_of(self, group: Group, known: Mapping[str, Container]) -> dict[str, str]:
        container = known.get(group.container)
        return {"id": group.id} | (container.metric_labels(self._labels) if container else {})

    def _networks(self, labelled: Sequence[tuple[Group, dict[str, str]]]) -> Iterator[Family]:
        interfaces: list[tuple[dict[str, str], list[int]]] = []
        own = self._network_of(1)
        for group, labels in labelled:
            first = next(iter(group.processes()), None) if group.container else None
            if first is None or self._network_of(first) in {own, ""}:  # the host's network is the host's to tell
                continue
            try:
                lines = (self._rootfs / f"proc/{first}/net/dev").read_text(encoding="ascii").splitlines()[2:]
            except OSError:  # it ended in between
                continue
            for line in lines:
                name, _, fields = line.rpartition(":")
                if name.strip() != "lo":
                    interfaces.append((labels | {"interface": name.strip()}, [int(field) for field in fields.split()]))
        for metric, text, at in INTERFACE:
            samples = [Sample(labels_of(labels), float(fields[at])) for labels, fields in interfaces]
            yield Family(metric, "counter", text, samples)

    def _network_of(self, process: int) -> str:
        """The network namespace of a process, or "" where it cannot be told."""
        try:
            return (self._rootfs / f"proc/{process}/ns/net").readlink().as_posix()
        except OSError:
            return ""


def _created(group: Group, known: Mapping[str, Container]) -> float:
    container = known.get(group.container)
    return container.created if container else group.created()
