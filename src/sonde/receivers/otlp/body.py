"""The check of one OTLP body in protobuf: may it be kept, how many items has it, and which of them may not be kept.

From ``content`` or gRPC comes the raw body, to ``receiver`` goes a ``CheckedBody``: nearly always the same bytes. No
Python loop runs per span: the flattened messages of ``flat`` read a body as fast as OTLP's own, and leave all ids in a
few columns whose lengths are compared with strided slices. Only a body with a bad id is gone through item by item.

What is refused as a whole (400): what is not protobuf, is cut short, has text that is not UTF-8 or nesting beyond the
parser's 100 messages; a known field with another wire type and an unknown field of the request itself (both mean: this
is another message); and a body in which no item has good ids. Unknown fields further down are a newer OTLP: kept.

An item is rejected by itself (partial success) when one of its ids, its links' or its exemplars', has a wrong length;
a span also when its own trace id or span id is missing or all zero.
"""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass
from functools import reduce
from typing import cast

from google.protobuf.message import DecodeError

from sonde.receivers.otlp.flat import FLAT, Flat
from sonde.receivers.otlp.ids import ids_hold
from sonde.receivers.otlp.refusal import all_ids_bad, malformed, refuse_other_messages
from sonde.receivers.otlp.services import SERVICES, Service
from sonde.receivers.otlp.sift import MOST_FRAMES, Sifted, sift
from sonde.telemetry.signal import Signal


@dataclass(frozen=True, slots=True)
class CheckedBody:
    """A body that may be kept: its bytes, the items in them, how many were taken out, and why (for the sender)."""

    body: bytes
    items: int
    rejected: int = 0
    message: str = ""


def check(signal: Signal, raw: bytes, *, most_frames: int = MOST_FRAMES) -> CheckedBody:
    """Check a serialized ``Export*ServiceRequest``.

    Returns the very same bytes, or, when some items have bad ids, the body without those.

    Raises:
        UserError: Nothing of it may be kept.
        TooManyFrames: Some ids are bad, and finding out which means looking at more than ``most_frames`` fields.
    """
    service, flat = SERVICES[signal], FLAT[signal]
    try:
        request = flat.request.FromString(raw)
    except DecodeError as error:
        raise malformed(service, raw, str(error)) from None
    refuse_other_messages(service, flat, raw, request)
    items = _count(flat, raw)
    if all(ids_hold(request, table, items) for table in flat.tables):
        return CheckedBody(raw, items)
    sifted = sift(raw, flat.tree, most_frames)
    return _without_rejected(service, raw, sifted, items)


def _count(flat: Flat, raw: bytes) -> int:
    counter = flat.counter.FromString(raw)
    return sum(len(cast("Sized", reduce(getattr, path, counter))) for path in flat.count_paths)


def _without_rejected(service: Service, raw: bytes, sifted: Sifted, items: int) -> CheckedBody:
    if sifted.rejected == 0:
        return CheckedBody(raw, items)
    if sifted.rejected == items:
        raise all_ids_bad(service, items, sifted.first_fault)
    message = f"{sifted.rejected} of {items} {service.item}s rejected for bad ids; in the first, {sifted.first_fault}"
    return CheckedBody(sifted.body, items - sifted.rejected, sifted.rejected, message)
