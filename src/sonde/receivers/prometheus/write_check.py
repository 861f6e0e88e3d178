"""The check of one remote write request: may it be kept, how much is in it, and which of its series may not be kept.

From ``remote_write`` comes the body without its compression, to the ``Consumer`` goes a ``CheckedWrite``: nearly always
the same bytes. What is refused as a whole: what is not protobuf or of the other version, text that is not UTF-8, and a
body in which nothing is good. A series is rejected by itself when its labels cannot be those of a series
(``write_labels``), a native histogram when it is none (``write_histogram``). Labels that are only out of order, or have
empty values, are put right, as Prometheus does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from google.protobuf.message import DecodeError

from sonde.errors import UserError
from sonde.receivers.prometheus import write_histogram
from sonde.receivers.prometheus.messages import Histogram, TimeSeries
from sonde.receivers.prometheus.write_labels import (
    KnownLabels,
    LabelFault,
    LabelLimits,
    are_canonical,
    canonical,
    label_end,
)
from sonde.receivers.prometheus.write_refs import SymbolTable
from sonde.receivers.prometheus.write_shape import REST, VERSION_1, VERSION_2, Shapes, refuse_crumbs
from sonde.receivers.prometheus.write_sift import Mended, Sifted, rejected, sift, without_bad_histograms
from sonde.receivers.prometheus.write_spell import MOST_TIMES, spelled_out

CONTENT_TYPES: Final = {
    1: "application/x-protobuf;proto=prometheus.WriteRequest",
    2: "application/x-protobuf;proto=io.prometheus.write.v2.Request",
}
LEFT_OVER_BYTES: Final = 256 * 1024
"""Symbols of what was taken out stay in a request of version 2, up to so many; then its labels are spelled out."""
_SHAPES: Final[dict[int, Shapes]] = {1: VERSION_1, 2: VERSION_2}
_NAMES: Final = {1: "prometheus.WriteRequest", 2: "io.prometheus.write.v2.Request"}


@dataclass(frozen=True, slots=True)
class CheckedWrite:
    """A body that may be kept, what is in it, how many samples were taken out, and why (for the sender)."""

    body: bytes
    samples: int = 0
    histograms: int = 0
    exemplars: int = 0
    rejected: int = 0
    message: str = ""

    @property
    def items(self) -> int:
        """Samples and histograms."""
        return self.samples + self.histograms

    def without(self, sifted: Sifted) -> CheckedWrite:
        """What is left of it, and what is to be told of all that was taken out."""
        lost = sifted.lost
        return CheckedWrite(
            sifted.body,
            self.samples - lost.samples,
            self.histograms - lost.histograms,
            self.exemplars - lost.exemplars,
            rejected=self.rejected + lost.samples + lost.histograms,
            message="; ".join(filter(None, (self.message, sifted.message))),
        )


def check(version: int, raw: bytes, known: KnownLabels) -> CheckedWrite:
    """Check a serialized request of version 1 or 2.

    Returns the very same bytes, or, when some series are not good, the request without those.

    Raises:
        UserError: Nothing of it may be kept.
    """
    shapes = _SHAPES[version]
    refuse_crumbs(raw)
    try:
        shapes.whole.FromString(raw)
        parts = shapes.parts.FromString(raw)
    except DecodeError as error:
        raise _malformed(version, raw, str(error)) from None
    body = _without_strangers(version, raw, parts)
    counts = shapes.counts.FromString(body).all_series
    checked = CheckedWrite(body, len(counts.samples), len(counts.histograms), len(counts.exemplars))
    histograms_hold = not any(write_histogram.fault(Histogram.FromString(each)) for each in counts.histograms)
    series = list(parts.series)
    everything = range(len(series))
    if version == 1:
        suspects = _suspects(series, known) if histograms_hold else everything
        return checked.without(sift(parts, suspects, partial(_mend, limits=known.limits))) if suspects else checked
    table = SymbolTable.of(parts.symbols, known.limits)
    look = table.look(series, counts.exemplars)
    suspects = look.suspects if histograms_hold else everything
    if suspects:
        checked = checked.without(sift(parts, suspects, table.mend))
        look = table.look(list(parts.series), shapes.counts.FromString(checked.body).all_series.exemplars)
    size = len(checked.body)
    has_left_overs = bool(suspects) and look.spelled_bytes + LEFT_OVER_BYTES < size
    if checked.body and (look.spelled_bytes > MOST_TIMES * size or has_left_overs):
        return replace(checked, body=spelled_out(checked.body))
    return checked


def _suspects(series: list[bytes], known: KnownLabels) -> Sequence[int]:
    """Those whose labels are not exactly as they should be, by their place in the request.

    A series is its labels and then, nearly always, one sample, of 18 bytes or, if its value is 0, of 9. If what stands
    before those is known as the labels of a series, nothing else needs to be looked at.
    """
    blocks = [
        each[:-18] if each[-18:-16] == b"\x12\x10" else each[:-9] if each[-9:-7] == b"\x12\x07" else each
        for each in series
    ]
    marks = list(map(hash, blocks))
    unknown = known.unknown(marks)
    if not unknown:
        return []
    good: set[int] = set()
    suspects: list[int] = []
    rests: list[bytes] = []
    for place, (whole, mark) in enumerate(zip(series, marks, strict=True)):
        if mark not in unknown or mark in good:
            continue
        labels = _good_labels(whole, known)
        if labels is None:
            suspects.append(place)
            continue
        good.add(hash(labels))
        rests.append(whole[len(labels) :])
    known.remember(good)
    if REST.FromString(b"".join(rests)).HasField("labels"):  # behind samples: nobody writes them there
        return range(len(series))
    return suspects


def _good_labels(series: bytes, known: KnownLabels) -> bytes | None:
    """The bytes of the labels that a series begins with, if they are as they should be."""
    try:
        raw = series[: label_end(series, known.limits.labels)]
        if not known.unknown((hash(raw),)):
            return raw
        labels = [(label.name, label.value) for label in TimeSeries.FromString(raw).labels]
        return raw if are_canonical(labels, known.limits) else None
    except (LabelFault, DecodeError):
        return None


def _mend(raw: bytes, limits: LabelLimits) -> Mended:
    """Put a series of version 1 right, or say why that cannot be done."""
    try:
        behind = raw[label_end(raw, limits.labels) :]
        if REST.FromString(behind).HasField("labels"):
            return rejected(_counts_of(raw), "it has labels behind its samples")
        series = TimeSeries.FromString(raw)
    except LabelFault as error:
        return rejected(_counts_of(raw), str(error))
    except DecodeError:
        return rejected(_counts_of(raw), "its labels are not UTF-8")
    try:
        labels = canonical([(label.name, label.value) for label in series.labels], limits)
    except LabelFault as error:
        return rejected(series, str(error))
    del series.labels[:]
    for name, value in labels:
        series.labels.add(name=name, value=value)
    return without_bad_histograms(series)


def _counts_of(raw: bytes) -> Any:
    """The samples, histograms and exemplars of a series whose labels cannot be read."""
    return VERSION_1.counts.FromString(VERSION_1.parts(series=[raw]).SerializeToString()).all_series


def _without_strangers(version: int, raw: bytes, parts: Any) -> bytes:
    """The body without fields that the request does not have: they could be read as the other version's, or as ours.

    Raises:
        UserError: Nothing else is in it, so it is another message.
    """
    parts.DiscardUnknownFields()
    known = parts.ByteSize()
    if known == len(raw):
        return raw
    if not known:
        raise _malformed(version, raw, "")
    return bytes(parts.SerializeToString())


def _malformed(version: int, raw: bytes, reason: str) -> UserError:
    name, other = _NAMES[version], 3 - version
    if "UTF-8" in reason:
        return UserError(f"the {name} has text that is not UTF-8", code="remote_write.utf8")
    if _is_request_of(other, raw):
        return UserError(
            f"the body is a {_NAMES[other]}, not a {name}",
            code="remote_write.version",
            hint=f"send it with content-type {CONTENT_TYPES[other]}",
        )
    return UserError(
        f"the body of {len(raw)} bytes is not a {name}",
        code="remote_write.malformed",
        hint="send it as protobuf, compressed with snappy in its block format",
    )


def _is_request_of(version: int, raw: bytes) -> bool:
    shapes = _SHAPES[version]
    try:
        shapes.whole.FromString(raw)
        parts = shapes.parts.FromString(raw)
    except DecodeError:
        return False
    parts.DiscardUnknownFields()
    return bool(parts.ByteSize() == len(raw))
