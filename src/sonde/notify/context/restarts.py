"""Has something restarted? Processes, containers and machines say when they began."""

from __future__ import annotations

from typing import Final

import numpy as np

from sonde.notify.context.incident import HOUR_MILLI, Change, Incident, shown
from sonde.notify.context.ranges import Ranges
from sonde.query.promql.ast import VectorSelector
from sonde.telemetry.labels import METRIC_NAME, value_of
from sonde.telemetry.matcher import Matcher

_STARTS: Final = {
    "process_start_time_seconds": ("process", "processes"),
    "container_start_time_seconds": ("container", "containers"),
    "pg_postmaster_start_time_seconds": ("PostgreSQL server", "PostgreSQL servers"),
    "node_boot_time_seconds": ("machine", "machines"),
}
_RANK: Final = 50.0


async def restarts(incident: Incident, ranges: Ranges) -> list[Change]:
    """What began within the hour before the alert, or since."""
    if not incident.matchers:
        return []
    names = Matcher(METRIC_NAME, "=~", "|".join(_STARTS))
    expr = VectorSelector("", (*incident.matchers, names))
    vector = await ranges.evaluate(incident.tenant, expr, start=incident.at, end=incident.at, step=0)
    changes = []
    for metric, (one, many) in _STARTS.items():
        rows = [row for row, labels in enumerate(vector.labels) if value_of(labels, METRIC_NAME) == metric]
        began = {row: float(vector.values[row, 0]) * 1000 for row in rows if np.isfinite(vector.values[row, 0])}
        fresh = {row: milli for row, milli in began.items() if incident.began - HOUR_MILLI <= milli <= incident.at}
        if not fresh:
            continue
        first = min(fresh, key=fresh.__getitem__)
        if len(began) == 1:
            instance = value_of(vector.labels[first], "instance")
            where = f" on {shown(instance)}" if instance else ""
            line = f"restart: the {one}{where} began {incident.when(fresh[first])}"
        else:
            since = "the first " if len(fresh) > 1 else ""
            line = f"restart: {len(fresh)} of {len(began)} {many} began anew, {since}{incident.when(fresh[first])}"
        changes.append(Change(_RANK, line))
    return changes
