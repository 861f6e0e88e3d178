"""What a discovery finds: groups of targets, each with its labels, told to the scrape pool as one whole picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sonde.telemetry.labels import Labels

ADDRESS: Final = "__address__"
META_PREFIX: Final = "__meta_"


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """Targets that come from one source and share labels.

    >>> TargetGroup("0", ((("__address__", "api:8000"),),), (("env", "prod"),)).source
    '0'
    """

    source: str
    """What the group is known by within its discovery: a file's path and place, a DNS name, a number."""
    targets: tuple[Labels, ...]
    """Each has ``__address__`` and the meta labels that are its own; they win over the group's ``labels``."""
    labels: Labels = ()


Publish = Callable[[Sequence[TargetGroup]], None]
"""Takes all current groups of one discovery, in the place of those it had from it before."""


class Discovery(Protocol):
    """One way of finding targets, for one job."""

    async def run(self, publish: Publish) -> None:
        """Publish the groups now and whenever they change, until cancelled.

        What fails is logged once and counted, and the groups stay as they were. Never raises for what it asks.
        """
