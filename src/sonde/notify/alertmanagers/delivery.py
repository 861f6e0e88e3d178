"""One alert on its way to several Alertmanagers: who still has to answer, and whether one has taken it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sonde.notify.alertmanagers import counts


@dataclass(slots=True)
class Delivery:
    """What becomes of an alert. It is told if at least one Alertmanager took it; that none did is counted.

    >>> delivery = Delivery(is_wanted=True)
    >>> delivery.offered(2)
    >>> delivery.settled(is_taken=False), delivery.settled(is_taken=True)
    (None, None)
    >>> delivery.is_taken
    True
    """

    waiting: int = 0
    is_wanted: bool = False
    """Whether there is a section whose relabelling does not drop it."""
    is_taken: bool = False

    def offered(self, alertmanagers: int) -> None:
        """So many more Alertmanagers are to be told."""
        self.waiting += alertmanagers

    def settled(self, *, is_taken: bool) -> None:
        """One of them has taken it, or never will."""
        self.waiting -= 1
        self.is_taken |= is_taken
        if self.is_wanted and not self.waiting and not self.is_taken:
            counts.untaken()


class Posted(NamedTuple):
    """An alert as it is sent, and what becomes of it."""

    text: str
    delivery: Delivery
