"""Has something been released, or configured anew? New versions among the labels that say what is running.

Metrics tell it by ``build_info`` and its kin and by ``target_info``, spans by their resources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from sonde.notify.context.incident import HOUR_MILLI, Change, Incident, shown
from sonde.notify.context.ranges import Ranges
from sonde.query.engine import Engine, Inquiry
from sonde.query.promql.ast import VectorSelector
from sonde.query.resources import read_resources
from sonde.query.sql.ast import And, Column, Select, Table, aliased, call, eq, text
from sonde.query.window import TimeRange, within
from sonde.store.client import Limits
from sonde.telemetry.labels import METRIC_NAME
from sonde.telemetry.matcher import Matcher

RELEASE_LABELS: Final = (
    "service_version", "version", "app_version", "release", "deployment", "deployment_id", "image_tag", "image_tags",
    "container_image_tag", "container_image_tags", "image", "revision", "git_commit", "git_sha", "commit",
    "vcs_ref_head_revision",
)  # fmt: skip
"""Who says what is running, the most readable first."""
CONFIG_LABELS: Final = (
    "config_hash", "config_version", "config_checksum", "checksum_config", "configuration", "feature_flags", "features",
    "flags", "prompt_version", "model_version",
)  # fmt: skip
_INFO: Final = Matcher(METRIC_NAME, "=~", "target_info|(.+_)?(build|version|config|deployment|app|release)_info")
_STEP: Final = 60_000
_MAX_RESOURCES: Final = 1_000
_RANKS: Final = {True: 10.0, False: 40.0}
"""Of a release, of a configuration."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Labels, and when they were first and last seen within two hours. Times are milliseconds since 1970."""

    labels: Mapping[str, str]
    first: int
    last: int


async def from_metrics(incident: Incident, ranges: Ranges) -> list[Change]:
    """What info series tell."""
    if not incident.matchers:
        return []
    start = _start(incident)
    expr = VectorSelector("", (*incident.matchers, _INFO))
    vector = await ranges.evaluate(incident.tenant, expr, start=start, end=incident.at, step=_STEP)
    sightings = []
    for labels, present in zip(vector.labels, vector.present, strict=True):
        columns = np.flatnonzero(present)
        if columns.size:
            first, last = start + int(columns[0]) * _STEP, start + int(columns[-1]) * _STEP
            sightings.append(Sighting(dict(labels), first, last))
    return changes_of(incident, sightings)


class SeenResources(Protocol):
    """Who knows the resources of spans."""

    async def sightings(self, tenant: str, service: str, window: TimeRange) -> Sequence[Sighting]:
        """The resources whose spans a service has sent, their attributes' dots written as underscores.

        Raises:
            UserError: That cannot be answered within the limits.
        """
        ...


class StoredResources:
    """Resources of the spans in the store."""

    def __init__(self, engine: Callable[[], Engine], limits: Limits) -> None:
        self._engine = engine
        self._limits = limits

    async def sightings(self, tenant: str, service: str, window: TimeRange) -> list[Sighting]:
        """See ``SeenResources.sightings``."""
        inquiry = Inquiry(self._engine(), self._limits)
        select = Select(
            columns=(
                Column("resource_id"),
                *aliased(
                    first=call("toUnixTimestamp64Milli", call("min", Column("ts"))),
                    last=call("toUnixTimestamp64Milli", call("max", Column("ts"))),
                ),
            ),
            source=Table("spans"),
            where=And((eq("tenant", text(tenant)), eq("service", text(service)), within(window))),
            group_by=(Column("resource_id"),),
            limit=_MAX_RESOURCES,
        )
        rows = {int(row["resource_id"]): row for row in await inquiry.records(select)}
        resources = await read_resources(inquiry, tenant, window, rows)
        return [
            Sighting(
                {name.replace(".", "_"): str(value) for name, value in attributes.items()},
                int(rows[number]["first"]),
                int(rows[number]["last"]),
            )
            for number, attributes in resources.items()
        ]


async def from_spans(incident: Incident, resources: SeenResources) -> list[Change]:
    """What the resources of the service's spans tell."""
    if not incident.service:
        return []
    window = TimeRange(_start(incident) * 10**6, incident.at * 10**6 + 1)
    return changes_of(incident, await resources.sightings(incident.tenant, incident.service, window))


def changes_of(incident: Incident, sightings: Sequence[Sighting]) -> list[Change]:
    """New values of the labels that say what is running, where another was seen before; one release is enough."""
    changes = []
    for is_release, names in ((True, RELEASE_LABELS), (False, CONFIG_LABELS)):
        for name in names:
            found = _change(incident, name, sightings, is_release=is_release)
            if found is not None:
                changes.append(found)
                if is_release:
                    break
    return changes


def _change(incident: Incident, name: str, sightings: Sequence[Sighting], *, is_release: bool) -> Change | None:
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for sighting in sightings:
        if value := sighting.labels.get(name, ""):
            first[value] = min(first.get(value, sighting.first), sighting.first)
            last[value] = max(last.get(value, sighting.last), sighting.last)
    since = incident.began - HOUR_MILLI
    fresh = {value: seen for value, seen in first.items() if seen >= since}
    before = {value: seen for value, seen in last.items() if value not in fresh}
    if not fresh or not before:
        return None  # what has only begun to send is no release
    new = max(fresh, key=fresh.__getitem__)
    old = max(before, key=before.__getitem__)
    what = "release" if is_release else "configuration"
    whose = f" of {shown(incident.service)}" if incident.service else ""
    line = f"{what}{whose}: {name} {shown(new)} since {incident.when(fresh[new])} (was {shown(old)})"
    return Change(_RANKS[is_release], line, f"{what} {new}")


def _start(incident: Incident) -> int:
    """Two hours, of which the first shows what was there before; on the grid of minutes."""
    return incident.at - (incident.at - incident.began + 2 * HOUR_MILLI) // _STEP * _STEP
