"""One request while it is put together: samples as ``encode`` lays them out, and what there is of few series.

Native histograms, exemplars, metadata and staleness markers are written one by one: most scrapes have few that are new.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from sonde.receivers.prometheus.exposition.reading import Exemplar, Metadata
from sonde.receivers.prometheus.scrape.encode import Layout
from sonde.receivers.prometheus.scrape.series import Series, Symbols
from sonde.receivers.prometheus.scrape.staleness import STALE_HISTOGRAM, stale_values
from sonde.receivers.prometheus.write_spell import MOST_TIMES, spelled_out
from sonde.receivers.protobuf import varint

_TYPES: Final = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
_SERIES: Final = b"\x2a"
"""The field of ``Request``."""
_HISTOGRAM, _EXEMPLAR, _METADATA = b"\x1a", b"\x22", b"\x2a"
"""Fields of ``TimeSeries``."""


class Request:
    """What goes into one request.

    Args:
        symbols: The texts that the target's requests have in common; others are of this request alone.
    """

    def __init__(self, symbols: Symbols) -> None:
        self._symbols = symbols
        self._extra = Symbols(symbols)
        self._parts: list[bytes] = []
        self._spelled_bytes = 0
        self.samples = 0

    def samples_of(self, written: bytes, count: int, spelled_bytes: int) -> None:
        """Add samples that a ``Layout`` has filled in."""
        self._parts.append(written)
        self._spelled_bytes += spelled_bytes
        self.samples += count

    def histogram(self, series: Series, whole: bytes, milliseconds: int, start: int = 0, about: bytes = b"") -> None:
        """Add a native histogram, which is given without its times."""
        whole += b"\x78" + varint(milliseconds % 2**64)
        if start:
            whole += b"\x88\x01" + varint(start % 2**64)
        self._series(series, _HISTOGRAM + varint(len(whole)) + whole + about)
        self.samples += 1

    def exemplars(self, series: Series, exemplars: Iterable[Exemplar], milliseconds: int) -> None:
        """Add exemplars; those that have no time were seen at ``milliseconds``."""
        written = bytearray()
        for exemplar in exemplars:
            time = milliseconds if exemplar.milliseconds is None else exemplar.milliseconds
            value = np.float64(exemplar.value).tobytes()
            whole = self._extra.references(exemplar.labels) + b"\x11" + value + b"\x18" + varint(time % 2**64)
            written += _EXEMPLAR + varint(len(whole)) + whole
        self._series(series, bytes(written))

    def metadata(self, about: Metadata) -> bytes:
        """The field that describes a series, to be put behind its sample."""
        kind = _TYPES.index(about.type) if about.type in _TYPES else 0
        numbers = (
            (b"\x08", kind),
            (b"\x18", self._extra.number(about.help)),
            (b"\x20", self._extra.number(about.unit)),
        )
        written = b"".join(tag + varint(number) for tag, number in numbers if number)
        return _METADATA + varint(len(written)) + written

    def markers(self, gone: Sequence[Series], milliseconds: int) -> None:
        """Add staleness markers, each of the kind that its series has."""
        numbers = [series for series in gone if not series.is_histogram]
        times = np.full(len(numbers), milliseconds, dtype=np.int64)
        layout = Layout(numbers, times)
        self.samples_of(layout.fill(stale_values(len(numbers)), times), len(numbers), layout.spelled_bytes)
        for series in gone:
            if series.is_histogram:
                self.histogram(series, STALE_HISTOGRAM, milliseconds)

    def body(self) -> bytes:
        """The request, serialized; with labels in full where those are many times its size, as the store wants it."""
        body = b"".join((self._symbols.table, self._extra.table, *self._parts))
        return spelled_out(body) if self._spelled_bytes > MOST_TIMES * len(body) else body

    def _series(self, series: Series, content: bytes) -> None:
        self._parts.append(_SERIES + varint(len(series.references) + len(content)) + series.references + content)
        self._spelled_bytes += series.spelled_bytes
