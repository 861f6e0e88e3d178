"""Acknowledgements: somebody has seen an alert and takes care of it.

Then its escalation stops, and groups all of whose firing alerts are acknowledged are not repeated. New alerts and ends
are told as always. An acknowledgement is over with its alert: another firing of the same labels is not acknowledged. It
may have an end of its own, after which repeats and escalation go on.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from sonde.notify.alert import Alert


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody's word for an alert. Times are Unix nanoseconds."""

    fingerprint: int
    starts_at: int
    """When the alert fired that is meant."""
    by: str
    comment: str
    at: int
    until: int = 0
    """0: until the alert ends."""

    def holds_for(self, alert: Alert, now: int) -> bool:
        """Whether it is this firing that was acknowledged, and still is.

        >>> acknowledgement = Acknowledgement(1, starts_at=10, by="me", comment="", at=20, until=30)
        >>> alert = Alert((), starts_at=10)
        >>> acknowledgement.holds_for(alert, 29), acknowledgement.holds_for(alert, 30)
        (True, False)
        >>> acknowledgement.holds_for(Alert((), starts_at=25), 29)  # another firing
        False
        """
        # A second sender may know of an earlier beginning of the same firing.
        return alert.starts_at <= self.at and not alert.resolved_at(now) and not 0 < self.until <= now

    def document(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), separators=(",", ":"))


def acknowledgement_of(document: str) -> Acknowledgement:
    """What ``document`` wrote.

    >>> acknowledgement_of(Acknowledgement(1, 2, "me", "mine", 3).document()).by
    'me'
    """
    return Acknowledgement(**json.loads(document))
