"""``pg_settings``, whose names are data: each setting that is a number or a switch is a gauge, in seconds or bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from sonde.receivers.collector import Family, gauge
from sonde.receivers.postgres.read import Row

SQL: Final = """
    SELECT name, setting, coalesce(unit, '') AS unit, vartype
    FROM pg_settings
    WHERE vartype IN ('bool', 'integer', 'real')
      AND name NOT IN ('sync_commit_cancel_wait', 'google_dataplex.max_messages')
    """
"""The two that are left out are clouds' own, with a number that is none."""

_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0}
_BYTES: Final = {"B": 1, "kB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}
_SIZE = re.compile(r"^(\d*)(B|kB|MB|GB|TB)$")
_NUMBER = re.compile(r"^[+-]?[0-9.]+(?:[eE][+-]?\d+)?")


def families(rows: Sequence[Row]) -> Iterator[Family]:
    """The settings as gauges.

    >>> row = {"name": "shared_buffers", "setting": "16384", "unit": "8kB", "vartype": "integer"}
    >>> [(family.name, family.samples[0].value) for family in families([row])]
    [('pg_settings_shared_buffers_bytes', 134217728.0)]
    """
    for row in rows:
        name, text = str(row["name"]), str(row["setting"])
        metric, described = re.sub(r"[^a-zA-Z0-9_]", "_", name), f"Server Parameter: {name}"
        if row["vartype"] == "bool":
            yield gauge(f"pg_settings_{metric}", described, float(text == "on"))
            continue
        number = _NUMBER.match(text)  # some clouds write the unit into the value as well
        if number is None:
            continue
        unit, factor = _unit(str(row["unit"]))
        amount = float(number[0])
        # -1 means off or inherited, in whatever unit.
        amount = amount if amount == -1 else amount * factor
        if unit:
            yield gauge(f"pg_settings_{metric}_{unit}", f"{described} [Units converted to {unit}.]", amount)
        else:
            yield gauge(f"pg_settings_{metric}", described, amount)


def _unit(text: str) -> tuple[str, float]:
    if text in _SECONDS:
        return "seconds", _SECONDS[text]
    size = _SIZE.match(text)
    return ("bytes", float(int(size[1] or 1) * _BYTES[size[2]])) if size else ("", 1.0)
