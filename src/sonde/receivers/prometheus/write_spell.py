"""Version 2 written as version 1, for the rare request whose labels, spelled out, are many times its own size.

The store takes segments of so many bytes at once and needs memory for what they become. References make a body smaller
than that, four times as a rule; where long values are repeated more often, the body is kept with its labels in full, so
that its size says what it costs.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Final

from sonde.receivers.prometheus.messages import Request, WriteRequest
from sonde.receivers.protobuf import varint

MOST_TIMES: Final = 12
"""How many times its size the labels of a request may be, before it is written so."""

_LABEL, _SAMPLE, _EXEMPLAR, _HISTOGRAM = b"\x0a", b"\x12", b"\x1a", b"\x22"


def spelled_out(body: bytes) -> bytes:
    """A checked request of version 2 as one of version 1 with the same samples, starts, histograms and exemplars.

    Metadata becomes that of families, as version 1 has it.
    """
    request = Request.FromString(body)
    symbols = [symbol.encode() for symbol in request.symbols]

    @functools.cache
    def label(name: int, value: int) -> bytes:
        return _field(_LABEL, _field(b"\x0a", symbols[name]) + _field(b"\x12", symbols[value]))

    def labels(references: Sequence[int]) -> bytes:
        return b"".join(map(label, references[::2], references[1::2]))

    written = bytearray()
    families: dict[tuple[int, str, str, str], None] = {}
    for series in request.timeseries:
        for value in (*series.samples, *series.histograms):
            value.start_timestamp = value.start_timestamp or series.created_timestamp
        parts = [labels(series.labels_refs)]
        parts += [_field(_SAMPLE, sample.SerializeToString()) for sample in series.samples]
        for exemplar in series.exemplars:
            own = labels(exemplar.labels_refs)
            del exemplar.labels_refs[:]
            parts.append(_field(_EXEMPLAR, own + exemplar.SerializeToString()))
        parts += [_field(_HISTOGRAM, histogram.SerializeToString()) for histogram in series.histograms]
        written += _field(b"\x0a", b"".join(parts))
        if series.HasField("metadata"):
            families[_family(series, request.symbols)] = None
    metadata = WriteRequest()
    for kind, family, text, unit in families:
        metadata.metadata.add(type=kind, metric_family_name=family, help=text, unit=unit)
    return bytes(written) + bytes(metadata.SerializeToString())


def _family(series: Any, symbols: Sequence[str]) -> tuple[int, str, str, str]:
    about = series.metadata
    names = [symbols[reference] for reference in series.labels_refs[::2]]
    metric = symbols[series.labels_refs[1 + 2 * names.index("__name__")]]
    if about.type in _OF_SUFFIXES and not series.histograms:
        suffix = next((suffix for suffix in _SUFFIXES if metric.endswith(suffix)), "")
        metric = metric.removesuffix(suffix)
    return about.type, metric, symbols[about.help_ref], symbols[about.unit_ref]


_OF_SUFFIXES: Final = {3, 4, 5}  # histograms, gauge histograms, summaries; as in schema/0006_prometheus.sql
_SUFFIXES: Final = ("_bucket", "_gsum", "_sum", "_gcount", "_count")


def _field(tag: bytes, content: bytes) -> bytes:
    return tag + varint(len(content)) + content
