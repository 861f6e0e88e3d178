"""Why a body is refused as a whole, in words its sender can use. ``body`` and ``sift`` raise what is made here."""

from __future__ import annotations

from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from sonde.errors import UserError
from sonde.receivers.otlp.flat import FLAT, Flat
from sonde.receivers.otlp.services import SERVICES, Service

MOST_UNKNOWN_BYTES = 1024 * 1024
"""Each unknown field becomes a Python object before it can be looked at: a microsecond and a hundred bytes."""

_IDS_HINT = "trace ids are 16 bytes and span ids 8 bytes, not all zero"

_LOOKS_LIKE = (
    (b"{", "it looks like JSON: send it with content-type application/json"),
    (b"[", "it looks like JSON: send it with content-type application/json"),
    (b"\x1f\x8b", "it looks like gzip: send it with content-encoding gzip"),
    (b"\x28\xb5\x2f\xfd", "it looks like zstd: send it with content-encoding zstd"),
)


class TooManyFrames(UserError):
    """A body with a bad id somewhere has more fields than are looked at one by one."""


def too_many_frames() -> TooManyFrames:
    """Say that bad ids are in there somewhere, and that nobody goes through all of it for them."""
    return TooManyFrames(
        "some ids are bad, and the body is too large to find out which", code="otlp.ids", hint=_IDS_HINT
    )


def all_ids_bad(service: Service, items: int, first_fault: str) -> UserError:
    """Say that no item has good ids."""
    message = f"all {items} {service.item}s have bad ids; in the first, {first_fault}"
    return UserError(message, code="otlp.ids", hint=_IDS_HINT)


def malformed(service: Service, raw: bytes, reason: str) -> UserError:
    """Say what the parser found, which names its reason."""
    name = service.request.DESCRIPTOR.name
    door = _other_door(service, raw)
    if door:
        return UserError(f"the body is not an {name}", code="otlp.wrong_message", hint=door)
    if "UTF-8" in reason:
        message, hint = f"the {name} has text that is not UTF-8", "send such values as bytes_value"
        return UserError(message, code="otlp.utf8", hint=hint)
    if "MaxDepth" in reason:
        message, hint = f"the {name} is nested too deeply", "arrays and maps may nest 45 times"
        return UserError(message, code="otlp.depth", hint=hint)
    hint = next((hint for start, hint in _LOOKS_LIKE if raw.startswith(start)), "it may have been cut short")
    return UserError(f"the body of {len(raw)} bytes is not an {name} in protobuf", code="otlp.malformed", hint=hint)


def refuse_other_messages(service: Service, flat: Flat, raw: bytes, request: Message) -> None:
    """Refuse a request that can be read, but only because parsers pass over what they do not know.

    Raises:
        UserError: The request has a field of its own that OTLP does not have, or anywhere in it a field that OTLP has
            with another wire type: what these say would be lost. Or there are too many unknown fields to look at.
    """
    if len(raw) > MOST_UNKNOWN_BYTES and _unknown_bytes(flat, request) > MOST_UNKNOWN_BYTES:
        message = f"more than {MOST_UNKNOWN_BYTES} bytes of the body are in fields that OTLP 1.11 does not know"
        raise UserError(message, code="otlp.unknown_fields", hint="send smaller batches")
    misfit = _stranger(request) or _misfit(request)
    if misfit:
        raise UserError(
            f"the body is not an {service.request.DESCRIPTOR.name}: {misfit}",
            code="otlp.wrong_message",
            hint=_other_door(service, raw) or f"{service.path} takes {service.item}s",
        )


def _unknown_bytes(flat: Flat, request: Message) -> int:
    known = flat.request()
    known.CopyFrom(request)
    known.DiscardUnknownFields()
    return request.ByteSize() - known.ByteSize()


def _stranger(request: Message) -> str:
    unknown = UnknownFieldSet(request)
    return f"it has no field {unknown[0].field_number}" if len(unknown) else ""


def _misfit(message: Message) -> str:
    unknown = UnknownFieldSet(message)
    for index in range(len(unknown)):
        field = message.DESCRIPTOR.fields_by_number.get(unknown[index].field_number)
        if field is not None:
            return f"{message.DESCRIPTOR.name}.{field.name} has wire type {unknown[index].wire_type}"
    below = (_misfit(value) for field, value in message.ListFields() if field.message_type is not None)
    return next(filter(None, below), "")


def _other_door(service: Service, raw: bytes) -> str:
    """Name the signal whose body this is, if it is one."""
    for other in SERVICES.values():
        if other is not service and _is_request_of(other, raw):
            return f"it reads as an {other.request.DESCRIPTOR.name}: send that to {other.path}"
    return ""


def _is_request_of(service: Service, raw: bytes) -> bool:
    try:
        request = FLAT[service.signal].request.FromString(raw)
    except DecodeError:
        return False
    if len(raw) > MOST_UNKNOWN_BYTES:
        return False
    return not _stranger(request) and not _misfit(request)
