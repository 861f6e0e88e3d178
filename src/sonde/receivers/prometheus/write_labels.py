"""What remote write asks of a series' labels, and the memory of those that were good.

A sender sends the same series every few seconds, so ``write_check`` looks closely only at label sets that it has not
seen lately.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from sonde.telemetry.labels import METRIC_NAME

MOST_LABELS: Final = 128
LONGEST_NAME_BYTES: Final = 1024
LONGEST_VALUE_BYTES: Final = 16 * 1024
MOST_REMEMBERED: Final = 500_000
"""Some 40 MB."""

_LABEL_TAG: Final = 0x0A

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class LabelLimits:
    """How many labels a series may have, and how long they may be."""

    labels: int = MOST_LABELS
    name_bytes: int = LONGEST_NAME_BYTES
    value_bytes: int = LONGEST_VALUE_BYTES


class LabelFault(Exception):
    """A label set that no series may have; its text says why."""


def canonical(labels: Pairs, limits: LabelLimits = LabelLimits()) -> list[tuple[str, str]]:
    """The labels as the store wants them: sorted by name, without empty values, which mean "no such label".

    Raises:
        LabelFault: There is no name of a metric, or a name is empty or there twice, or something is too large.

    >>> canonical([("job", "api"), ("__name__", "up"), ("zone", "")])
    [('__name__', 'up'), ('job', 'api')]
    >>> canonical([("job", "api")])
    Traceback (most recent call last):
    sonde.receivers.prometheus.write_labels.LabelFault: it has no label __name__
    """
    kept = sorted(pair for pair in labels if pair[1])
    names = [name for name, _ in kept]
    if len(set(names)) != len(names):
        twice = next(name for name, following in pairwise(names) if name == following)
        raise LabelFault(f"it has the label {twice[: limits.name_bytes]!r} twice")
    if METRIC_NAME not in names:
        raise LabelFault(f"it has no label {METRIC_NAME}")
    if "" in names:
        raise LabelFault("a label has no name")
    if len(names) > limits.labels:
        raise LabelFault(f"it has {len(names)} labels; {limits.labels} are the most")
    for name, value in kept:
        _refuse_long(name, limits.name_bytes, "the name of a label")
        _refuse_long(value, limits.value_bytes, f"the value of the label {name!r}")
    return kept


def are_canonical(labels: Pairs, limits: LabelLimits = LabelLimits()) -> bool:
    """Whether ``canonical`` would leave them as they are; quicker than asking it.

    >>> are_canonical([("__name__", "up"), ("job", "api")]), are_canonical([("job", "api"), ("__name__", "up")])
    (True, False)
    """
    before, named = "", False
    longest_name, longest_value = limits.name_bytes // 4, limits.value_bytes // 4
    for name, value in labels:
        if name <= before or not value or len(name) > longest_name or len(value) > longest_value:
            break  # or nearly too long: let that be looked at
        named = named or name == METRIC_NAME
        before = name
    else:
        return named and len(labels) <= limits.labels
    try:
        return canonical(labels, limits) == list(labels)
    except LabelFault:
        return False


def _refuse_long(text: str, most_bytes: int, what: str) -> None:
    if len(text) * 4 > most_bytes and len(text.encode()) > most_bytes:
        raise LabelFault(f"{what} has {len(text.encode())} bytes; {most_bytes} are the most")


def label_end(series: bytes, most: int = MOST_LABELS) -> int:
    """Where the labels that a serialized series of version 1 begins with end.

    Raises:
        LabelFault: There are too many to be looked at.

    >>> label_end(bytes.fromhex("0a 06 0a 01 61 12 01 62  12 02 10 05"))
    8
    """
    at, size, count = 0, len(series), 0
    while at < size and series[at] == _LABEL_TAG:
        at += 1
        length = shift = 0
        while at < size:
            byte = series[at]
            at += 1
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        at += length
        count += 1
        if count > 2 * most:  # empty ones do not count, but are not for free
            raise LabelFault(f"it has more than {2 * most} labels; {most} are the most")
    return at


class KnownLabels:
    """Marks (hashes) of label sets that were found good. Forgets all when it is full; any thread may ask.

    ``limits`` are what they were found good by.
    """

    def __init__(self, limit: int = MOST_REMEMBERED, limits: LabelLimits = LabelLimits()) -> None:
        self.limits = limits
        self._limit = limit
        self._lock = threading.Lock()
        self._marks: set[int] = set()

    def unknown(self, marks: Iterable[int]) -> set[int]:
        """Those that have not been found good lately.

        >>> known = KnownLabels()
        >>> known.remember({1, 2})
        >>> known.unknown([1, 2, 3])
        {3}
        """
        with self._lock:
            return set(marks) - self._marks

    def remember(self, marks: set[int]) -> None:
        """These are good."""
        with self._lock:
            if len(self._marks) + len(marks) > self._limit:
                self._marks.clear()
            if len(marks) <= self._limit:
                self._marks |= marks
