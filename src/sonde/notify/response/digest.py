"""The section ``digest`` of the response file: when the week is summed up, and for whom.

```yaml
digest: {at: "Monday 08:00", time_zone: Europe/Berlin, receivers: [team]}
```

``notify.digest`` asks, writes and sends it at its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Final

import yaml

from sonde.errors import UserError
from sonde.notify.response.section import wrong
from sonde.notify.response.week_time import WeekTime, parse_week_time
from sonde.notify.time_interval import parse_location
from sonde.rules.yaml_node import Decoder

MONDAY: Final = WeekTime(0, 8, 0)


@dataclass(frozen=True, slots=True)
class DigestPlan:
    """When it is sent, and to whom."""

    at: WeekTime
    receivers: tuple[str, ...]
    """Names from alertmanager.yml."""


def read_digest(node: yaml.Node | None, decoder: Decoder) -> DigestPlan | None:
    """The section ``digest``; None if there is none. What is wrong goes to ``decoder.problems``.

    >>> decoder = Decoder()
    >>> plan = read_digest(yaml.compose("{at: Monday 08:00, time_zone: Europe/Berlin, receivers: [team]}"), decoder)
    >>> str(plan.at), str(plan.at.zone), plan.receivers, decoder.problems
    ('Monday 08:00', 'Europe/Berlin', ('team',), [])
    """
    if node is None:
        return None
    found = decoder.mapping(node, "digest", {"at": None, "time_zone": None, "receivers": None})
    at, zone = found.get("at"), found.get("time_zone")
    location = UTC
    moment = MONDAY
    try:
        location = parse_location(decoder.text(zone)) if zone is not None else UTC  # type: ignore[assignment]
    except UserError as error:
        wrong(decoder, zone, error.message)
    try:
        moment = parse_week_time(decoder.text(at) or str(MONDAY), location)
    except UserError as error:
        wrong(decoder, at, f"{error.message}; {error.hint}")
    receivers = decoder.items(found.get("receivers"), "[]string", decoder.text)
    if not receivers:
        wrong(decoder, found.get("receivers", node), "receivers are missing: who is to read it?")
    return DigestPlan(moment, receivers)
