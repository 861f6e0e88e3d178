"""When it is a group's turn: at a place of its own in each interval, so that not all groups are evaluated at once.

All times are nanoseconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass

from sonde.query.promql.xxhash import labels_hash
from sonde.telemetry.labels import labels_of


@dataclass(frozen=True, slots=True)
class Schedule:
    """The turns of a group: ``offset``, and every interval from there on.

    >>> schedule = Schedule(interval_nano=60, offset_nano=7)
    >>> schedule.slot_before(100), schedule.next_turn(67, now=100), schedule.next_turn(67, now=300)
    (67, (127, 0), (247, 2))
    """

    interval_nano: int
    offset_nano: int

    @classmethod
    def of(cls, file: str, name: str, interval_nano: int) -> Schedule:
        """That of a group: the offset is the one that Prometheus would give it."""
        return cls(interval_nano, labels_hash(labels_of({"file": file, "name": name})) % interval_nano)

    def slot_before(self, now: int) -> int:
        """The newest turn that is not in the future."""
        moved = now - self.offset_nano
        return moved - moved % self.interval_nano + self.offset_nano

    def first_turn(self, now: int) -> int:
        """The turn with which a group begins."""
        return self.slot_before(now) + self.interval_nano

    def next_turn(self, last: int, *, now: int) -> tuple[int, int]:
        """The turn behind another, and how many between them were missed, because it is late by now."""
        missed = max((now - last) // self.interval_nano - 1, 0)
        return last + (missed + 1) * self.interval_nano, missed
