"""Remote write's messages in shapes that are quick to check: the same wire format, read into fewer objects.

No shape has a message for each series. ``whole`` merges all of them into one (protobuf merges a single message that
occurs again), so parsing it proves that all of a body but its labels can be read, and takes no memory. ``counts`` has
the number of samples, ``parts`` each series as bytes. ``ROW`` reads any number of version 2's series, one behind the
other, into columns; ``REST`` tells whether there are labels in version 1's series behind its first fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sonde.errors import TooLarge
from sonde.receivers.protobuf import compile_messages

MOST_FIELDS: Final = 1_000_000
"""Series, symbols and empty samples of one body. An honest body has none smaller than 30 bytes."""
_SMALL_BYTES: Final = 4 * 1024 * 1024
_CRUMBS: Final = (b"\x0a\x00", b"\x12\x00", b"\x1a\x00", b"\x22\x00")
"""Labels, samples, exemplars or histograms of no bytes: each costs 16 bytes to count, or more."""

_VALUES: Final = """
    message Sample { double value = 1; int64 timestamp = 2; int64 start_timestamp = 3; }
    message Histogram {
      uint64 count_int = 1; double count_float = 2; double sum = 3; sint32 schema = 4; double zero_threshold = 5;
      uint64 zero_count_int = 6; double zero_count_float = 7;
      BucketSpan negative_spans = 8; repeated bool negative_deltas = 9; repeated double negative_counts = 10;
      BucketSpan positive_spans = 11; repeated bool positive_deltas = 12; repeated double positive_counts = 13;
      int32 reset_hint = 14; int64 timestamp = 15; repeated double custom_values = 16; int64 start_timestamp = 17;
    }
    message BucketSpan { sint32 offset = 1; uint32 length = 2; }
"""  # integers that may be many are booleans: a byte each, the same varints


@dataclass(frozen=True, slots=True)
class Shapes:
    """The shapes of one version."""

    whole: Any
    counts: Any
    parts: Any


VERSION_1: Final = Shapes(
    whole=compile_messages(
        "whole1",
        """
        message WriteRequest { TimeSeries timeseries = 1; MetricMetadata metadata = 3; }
        message TimeSeries { bytes labels = 1; Sample samples = 2; Exemplar exemplars = 3; Histogram histograms = 4; }
        message Exemplar { Label labels = 1; double value = 2; int64 timestamp = 3; }
        message Label { string name = 1; string value = 2; }
        message MetricMetadata { int32 type = 1; string metric_family_name = 2; string help = 4; string unit = 5; }
        """
        + _VALUES,
    )["WriteRequest"],
    counts=compile_messages(
        "counts1",
        """
        message WriteRequest { TimeSeries all_series = 1; }
        message TimeSeries { repeated bytes samples = 2; repeated bytes exemplars = 3; repeated bytes histograms = 4; }
        """,
    )["WriteRequest"],
    parts=compile_messages(
        "parts1", "message WriteRequest { repeated bytes series = 1; repeated bytes metadata = 3; }"
    )["WriteRequest"],
)
VERSION_2: Final = Shapes(
    whole=compile_messages(
        "whole2",
        """
        message Request { string symbols = 4; TimeSeries timeseries = 5; }
        message TimeSeries {
          repeated bool labels_refs = 1; Sample samples = 2; Histogram histograms = 3; Exemplar exemplars = 4;
          Metadata metadata = 5; int64 created_timestamp = 6;
        }
        message Exemplar { repeated bool labels_refs = 1; double value = 2; int64 timestamp = 3; }
        message Metadata { int32 type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }
        """
        + _VALUES,
    )["Request"],
    counts=compile_messages(
        "counts2",
        """
        message Request { TimeSeries all_series = 5; }
        message TimeSeries { repeated bytes samples = 2; repeated bytes exemplars = 4; repeated bytes histograms = 3; }
        """,
    )["Request"],
    parts=compile_messages("parts2", "message Request { repeated bytes symbols = 4; repeated bytes series = 5; }")[
        "Request"
    ],
)
REST: Any = compile_messages("rest1", "message TimeSeries { Label labels = 1; } message Label {}")["TimeSeries"]
ROW: Any = compile_messages(
    "row2",
    """
    message TimeSeries { repeated uint32 labels_refs = 1; Metadata metadata = 5; }
    message Metadata { repeated uint32 help_ref = 3; repeated uint32 unit_ref = 4; }
    """,
)["TimeSeries"]


def refuse_crumbs(raw: bytes) -> None:
    """Refuse a large body of very small pieces: each would become an object before it can be looked at.

    Raises:
        TooLarge: It has more than ``MOST_FIELDS``.
    """
    if len(raw) <= _SMALL_BYTES:
        return
    if max(_fields(raw), *map(raw.count, _CRUMBS)) > MOST_FIELDS:
        raise TooLarge(
            f"the request has more than {MOST_FIELDS} series, symbols or empty samples",
            code="remote_write.crumbs",
            hint="send smaller requests",
        )


def _fields(raw: bytes) -> int:
    """How many fields a message has, up to ``MOST_FIELDS`` and one more; what cannot be read ends it.

    >>> _fields(VERSION_1.parts(series=[b"", b"a" * 300]).SerializeToString())
    2
    """
    at, count, size = 0, 0, len(raw)
    fixed = {1: 8, 5: 4}
    while at < size - 1 and count <= MOST_FIELDS:
        count += 1
        tag, length = raw[at], raw[at + 1]
        if tag & 0x87 == 2:  # nearly all fields: one byte of tag, one or two of length
            if length < 0x80:
                at += 2 + length
                continue
            if at + 2 < size and raw[at + 2] < 0x80:
                at += 3 + (length & 0x7F) + (raw[at + 2] << 7)
                continue
        tag, at = _varint(raw, at)
        if tag & 7 == 2:
            length, at = _varint(raw, at)
            at += length
        elif tag & 7 == 0:
            _, at = _varint(raw, at)
        elif tag & 7 in fixed:
            at += fixed[tag & 7]
        else:
            break
    return count


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    for byte in raw[at : at + 10]:
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return number, at
