"""Version 2's labels: pairs of references into a table of symbols, checked for all series of a request at once.

All series are read as one, with a mark between each two, so their references are one column of integers. What is asked
of labels is then arithmetic on that column: names have ranks in the order of their texts, and ascend within a series.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sonde.errors import TooLarge, UserError
from sonde.receivers.prometheus import write_sift
from sonde.receivers.prometheus.messages import SymbolExemplar, SymbolSeries
from sonde.receivers.prometheus.write_labels import (
    LabelFault,
    LabelLimits,
    canonical,
)
from sonde.receivers.prometheus.write_shape import ROW
from sonde.telemetry.labels import METRIC_NAME

MOST_SPELLED_BYTES: Final = 64 * 1024 * 1024
"""Of all texts of a request, each in full: a symbol that is there once may be meant a million times."""

_MARK: Final = b"\x08\xff\xff\xff\xff\x0f"  # labels_refs of one reference that leads nowhere
_NOWHERE: Final = 2**32 - 1
_NAME: Final = METRIC_NAME.encode()

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Look:
    """The series that are not exactly as they should be, by their place in the request; and the size of all texts."""

    suspects: Sequence[int]
    spelled_bytes: int


@dataclass(frozen=True, slots=True)
class SymbolTable:
    """The symbols of a request, and how many bytes each has."""

    symbols: Sequence[bytes]
    sizes: Integers
    limits: LabelLimits

    @classmethod
    def of(cls, symbols: Iterable[bytes], limits: LabelLimits = LabelLimits()) -> SymbolTable:
        """The table of these symbols.

        Raises:
            UserError: The first is not empty: all that is left out refers to it.
        """
        listed = list(symbols)
        if listed and listed[0]:
            raise UserError(
                "the first symbol is not the empty string", code="remote_write.symbols", hint="begin symbols with it"
            )
        return cls(listed, np.fromiter(map(len, listed), dtype=np.int64, count=len(listed)), limits)

    def look(self, series: Sequence[bytes], exemplars: Iterable[bytes]) -> Look:
        """Look at all series of a request.

        Raises:
            TooLarge: Their texts together are, spelled out.
        """
        row = ROW.FromString(_MARK.join([*series, b""]))
        references = _column(row)
        marks = np.flatnonzero(references == _NOWHERE)
        beside_bytes = self._beside_labels(row.metadata, exemplars)
        if len(marks) != len(series) or beside_bytes is None:
            return Look(range(len(series)), 0)  # each by itself
        if not series:
            return Look((), 0)
        return self._look(references, marks, beside_bytes)

    def mend(self, raw: bytes) -> write_sift.Mended:
        """Put a series right, or say why that cannot be done."""
        series = SymbolSeries.FromString(raw)
        references = series.labels_refs
        most = self.limits.labels
        if len(references) > 4 * most:
            return write_sift.rejected(series, f"it has {len(references) // 2} labels; {most} are the most")
        exemplars = [exemplar.labels_refs for exemplar in series.exemplars]
        if any(len(each) % 2 for each in (references, *exemplars)):
            return write_sift.rejected(series, "a name of a label has no value")
        metadata = (series.metadata.help_ref, series.metadata.unit_ref)
        highest = max(itertools.chain(references, metadata, *exemplars))
        if highest >= max(len(self.symbols), 1):
            return write_sift.rejected(series, f"it refers to symbol {highest} of {len(self.symbols)}")
        pairs = list(zip(references[::2], references[1::2], strict=True))
        texts = [(self._text(name), self._text(value)) for name, value in pairs]
        try:
            labels = canonical(texts, self.limits)
        except LabelFault as fault:
            return write_sift.rejected(series, str(fault))
        by_text = dict(zip(texts, pairs, strict=True))
        series.labels_refs[:] = [reference for label in labels for reference in by_text[label]]
        return write_sift.without_bad_histograms(series)

    def _text(self, reference: int) -> str:
        return self.symbols[reference].decode()

    def _beside_labels(self, metadata: Any, exemplars: Iterable[bytes]) -> int | None:
        """How many bytes the texts of metadata and exemplars have; None if a reference leads nowhere."""
        references = [*metadata.help_ref, *metadata.unit_ref]
        for raw in exemplars:
            own = SymbolExemplar.FromString(raw).labels_refs
            if len(own) % 2:
                return None
            references += own
        if max(references, default=-1) >= len(self.symbols):
            return None
        return int(self.sizes[references].sum()) if references else 0

    def _look(self, references: Integers, marks: Integers, beside_bytes: int) -> Look:
        firsts = np.concatenate(([0], marks[:-1] + 1))
        lengths = marks - firsts
        whole: Booleans = (lengths % 2 == 0) & (lengths <= 2 * self.limits.labels) & (lengths > 0)
        in_range = references < len(self.symbols)
        in_range[marks] = True
        whole &= np.logical_and.reduceat(in_range, firsts)
        of_series = np.repeat(np.arange(len(marks)), lengths + 1)
        chosen = whole[of_series]
        chosen[marks] = False
        names, values = references[chosen].reshape(-1, 2).T
        spelled_bytes = beside_bytes + int(self.sizes[names].sum() + self.sizes[values].sum())
        if spelled_bytes > MOST_SPELLED_BYTES:
            raise TooLarge(
                f"the texts of the request are {spelled_bytes} bytes, each spelled out; "
                f"{MOST_SPELLED_BYTES} are the most",
                code="remote_write.spelled_bytes",
                hint="send smaller requests",
            )
        whole &= self._hold(names, values, of_series[chosen][::2], len(marks))
        return Look(np.flatnonzero(~whole).tolist(), spelled_bytes)

    def _hold(self, names: Integers, values: Integers, owners: Integers, count: int) -> Booleans:
        """Tell of each of ``count`` series whether its labels, the pairs that it owns, are as they should be."""
        used = np.unique(names)
        texts = [self.symbols[reference] for reference in used.tolist()]
        ranks = np.zeros(len(self.symbols) + 1, dtype=np.int64)
        in_order = {text: rank for rank, text in enumerate(sorted(set(texts)))}
        ranks[used] = [in_order[text] for text in texts]
        ranked = ranks[names]
        name_sizes, value_sizes = self.sizes[names], self.sizes[values]
        bad = (name_sizes == 0) | (name_sizes > self.limits.name_bytes)
        bad |= (value_sizes == 0) | (value_sizes > self.limits.value_bytes)
        bad[1:] |= (owners[1:] == owners[:-1]) & (ranked[1:] <= ranked[:-1])
        hold: Booleans = np.bincount(owners[ranked == in_order.get(_NAME, -1)], minlength=count) == 1
        hold &= np.bincount(owners[bad], minlength=count) == 0
        return hold


def _column(row: Any) -> Integers:
    """All references of a row: packed varints, decoded at once."""
    only = ROW(labels_refs=row.labels_refs)
    serialized = only.SerializeToString()
    start = 1  # behind the tag comes the length of what follows
    while start < len(serialized) and serialized[start] >= 0x80:
        start += 1
    packed = np.frombuffer(serialized, dtype=np.uint8, offset=min(start + 1, len(serialized)))
    lasts = np.flatnonzero(packed < 0x80)
    firsts = np.concatenate(([0], lasts[:-1] + 1)) if len(lasts) else lasts
    sizes = lasts - firsts
    numbers = (packed[firsts] & 0x7F).astype(np.int64)
    for position in range(1, int(sizes.max(initial=0)) + 1):
        longer = np.flatnonzero(sizes >= position)
        numbers[longer] |= (packed[firsts[longer] + position] & 0x7F).astype(np.int64) << (7 * position)
    return numbers
