"""Takes out of a remote write request what may not be kept, series by series; only bodies with a fault come here."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from sonde.receivers.prometheus import write_histogram

MOST_REASONS: Final = 3
"""That the answer tells; a sender writes it to its log as it is."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What is taken out: whole series, and samples, histograms and exemplars (those of these series included)."""

    series: int = 0
    samples: int = 0
    histograms: int = 0
    exemplars: int = 0

    def __add__(self, other: Lost) -> Lost:
        return Lost(
            self.series + other.series,
            self.samples + other.samples,
            self.histograms + other.histograms,
            self.exemplars + other.exemplars,
        )


@dataclass(frozen=True, slots=True)
class Mended:
    """One series after a close look: its bytes, if anything of it is left; what is not, and why."""

    body: bytes | None
    lost: Lost = Lost()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Sifted:
    """A request without what may not be kept, and what to tell the sender; "" if all could be put right."""

    body: bytes
    lost: Lost
    message: str


Mend = Callable[[bytes], Mended]


def sift(parts: Any, suspects: Collection[int], mend: Mend) -> Sifted:
    """Look at the suspects of a request (one of ``Shapes.parts``), by their places; the others stay as they are."""
    places = set(suspects)
    kept: list[bytes] = []
    lost = Lost()
    reasons: list[str] = []
    series = list(parts.series)
    for place, raw in enumerate(series):
        if place not in places:
            kept.append(raw)
            continue
        mended = mend(raw)
        if mended.body is not None:
            kept.append(mended.body)
        if mended.reason:
            lost += mended.lost
            reasons.append(f"series {place + 1}: {mended.reason}")
    del parts.series[:]
    parts.series.extend(kept)
    is_empty = not kept and not getattr(parts, "metadata", ())  # symbols alone say nothing
    body = b"" if is_empty else bytes(parts.SerializeToString())
    return Sifted(body, lost, _message(len(series), lost, reasons))


def rejected(series: Any, reason: str) -> Mended:
    """A series (message of either version) of which nothing may be kept."""
    return Mended(None, Lost(1, len(series.samples), len(series.histograms), len(series.exemplars)), reason)


def without_bad_histograms(series: Any) -> Mended:
    """A series (message of either version) whose labels are good."""
    faults = [write_histogram.fault(histogram) for histogram in series.histograms]
    reason = next(filter(None, faults), "")
    if all(faults) and not series.samples and not series.exemplars:
        return rejected(series, reason) if reason else Mended(series.SerializeToString())
    if reason:
        good = [histogram for histogram, fault in zip(series.histograms, faults, strict=True) if not fault]
        del series.histograms[:]
        series.histograms.extend(good)
    return Mended(series.SerializeToString(), Lost(histograms=sum(map(bool, faults))), reason)


def _message(total: int, lost: Lost, reasons: list[str]) -> str:
    if not reasons:
        return ""
    more = f"; and {len(reasons) - MOST_REASONS} more" if len(reasons) > MOST_REASONS else ""
    return (
        f"{lost.series} of {total} series rejected, with {lost.samples} samples and {lost.histograms} histograms: "
        + "; ".join(reasons[:MOST_REASONS])
        + more
    )
