"""OTLP/JSON into the same request in protobuf, byte by byte; ``content`` calls it, ``body`` checks what comes out.

Encoders are compiled once from the published descriptors, one per field, and write the wire format directly: no message
objects. OTLP's own deviations from ProtoJSON hold: trace and span ids are hex, in any case. Integers may be numbers or
strings, enums numbers or names, keys lowerCamelCase or as in the .proto, null is absence, unknown keys are passed over.
Every error says where: a line and column for what is not JSON, a path for a value that does not fit.

Specification: https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from pydantic_core import from_json

from sonde.errors import TooLarge, UserError
from sonde.receivers.otlp.services import SERVICES, Service
from sonde.telemetry.signal import Signal

MOST_CONTAINERS = 4_000_000
"""In one body; 64 MiB of telemetry have fewer. Each costs a hundred bytes as a Python object, and 3 on the wire."""

Encode = Callable[[Any], bytes]
"""A JSON value as a field of protobuf: tag and value."""

_HEX_FIELDS = {"trace_id", "span_id", "parent_span_id"}
_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5


class _Misfit(Exception):
    """A JSON value that is not what its field takes; collects its path on the way out."""

    def __init__(self, wanted: str, value: object) -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.found = _shown(value)
        self.path = ""

    def below(self, step: str) -> _Misfit:
        self.path = f"{step}.{self.path}" if self.path and not self.path.startswith("[") else f"{step}{self.path}"
        return self


def parse_json(service: Service, raw: bytes) -> bytes:
    """Read an ``Export*ServiceRequest`` in OTLP/JSON and write it in protobuf.

    Raises:
        UserError: It is not JSON, or a value does not fit its field; says where.
        TooLarge: It has more objects and arrays than telemetry of that size has.
    """
    if raw.count(b"{") + raw.count(b"[") > MOST_CONTAINERS:
        message = f"the JSON has more than {MOST_CONTAINERS} objects and arrays"
        raise TooLarge(message, code="body.too_large", hint="send smaller batches, or protobuf")
    try:
        value = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise UserError(f"the body is not JSON: {error}", code="otlp.json", hint=_hint(raw)) from None
    encode, fields = _REQUESTS[service.signal]
    if isinstance(value, dict) and value and not any(key in fields for key in value):
        raise _other_message(service, value)
    try:
        return encode(value)
    except _Misfit as misfit:
        where = misfit.path or "the body"
        raise UserError(f"{where} must be {misfit.wanted}, and is {misfit.found}", code="otlp.json") from None


def _hint(raw: bytes) -> str:
    return "" if raw.lstrip()[:1] in b"{[" else "send protobuf with content-type application/x-protobuf"


def _other_message(service: Service, value: Mapping[str, object]) -> UserError:
    wanted = service.request.DESCRIPTOR.fields[0].json_name
    other = next((each for each in SERVICES.values() if each.request.DESCRIPTOR.fields[0].json_name in value), None)
    return UserError(
        f"the body has no {wanted}, but {_shown(', '.join(value))}",
        code="otlp.wrong_message",
        hint=f"send {other.item}s to {other.path}" if other else "",
    )


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    text = ascii(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# Messages


def _compile_message(message: Descriptor, known: dict[str, Encode]) -> tuple[Encode, dict[str, Encode]]:
    """Make the encoder of a message, which takes an object, and the table of its fields by JSON name."""
    fields: dict[str, Encode] = {}

    def encode(value: Any) -> bytes:
        if type(value) is not dict:
            raise _Misfit("an object", value)
        parts = []
        for key, item in value.items():
            field = fields.get(key)
            if field is not None and item is not None:
                try:
                    parts.append(field(item))
                except _Misfit as misfit:
                    raise misfit.below(key) from None
        return b"".join(parts)

    known[message.full_name] = encode
    for field in message.fields:
        fields[field.json_name] = fields[field.name] = _compile_field(field, known)
    return encode, fields


def _compile_field(field: FieldDescriptor, known: dict[str, Encode]) -> Encode:
    if field.message_type is not None:
        below = known.get(field.message_type.full_name) or _compile_message(field.message_type, known)[0]
        one = _delimited(field, below)
    elif field.enum_type is not None:
        one = _enum(field, field.enum_type)
    elif field.type == FieldDescriptor.TYPE_BYTES:
        one = _delimited(field, _from_hex if field.name in _HEX_FIELDS else _from_base64)
    else:
        one = _SCALARS[field.type](field)
    return _repeated(one) if field.is_repeated else one


def _repeated(one: Encode) -> Encode:
    def encode(value: Any) -> bytes:
        if type(value) is not list:
            raise _Misfit("an array", value)
        parts: list[bytes] = []
        try:
            for item in value:
                parts.append(one(item))  # noqa: PERF401 - its length says which item did not fit
        except _Misfit as misfit:
            raise misfit.below(f"[{len(parts)}]") from None
        return b"".join(parts)

    return encode


# Values


def _tag(field: FieldDescriptor, wire_type: int) -> bytes:
    return _varint(field.number << 3 | wire_type)


def _varint(value: int) -> bytes:
    if value < 0x80:
        return _ONE_BYTE[value]
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


_ONE_BYTE = [bytes((value,)) for value in range(0x80)]


def _delimited(field: FieldDescriptor, inner: Encode) -> Encode:
    tag = _tag(field, _LENGTH_DELIMITED)
    short = [tag + length for length in _ONE_BYTE]

    def encode(value: Any) -> bytes:
        payload = inner(value)
        size = len(payload)
        return (short[size] if size < 0x80 else tag + _varint(size)) + payload

    return encode


def _from_text(value: Any) -> bytes:
    if type(value) is not str:
        raise _Misfit("a string", value)
    return value.encode()


def _from_hex(value: Any) -> bytes:
    try:
        return binascii.unhexlify(value)
    except (ValueError, TypeError):
        raise _Misfit("an id in hex", value) from None


def _from_base64(value: Any) -> bytes:
    try:
        text = value.rstrip("=").replace("-", "+").replace("_", "/")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (ValueError, AttributeError):
        raise _Misfit("bytes in base64", value) from None


def _integer(value: Any, low: int, high: int) -> int:
    number = value
    if type(value) is str and value.removeprefix("-").isdecimal() and value.isascii():
        number = int(value) if len(value) <= 20 else high + 1
    elif type(value) is float and value.is_integer():
        number = int(value)
    if type(number) is not int:
        raise _Misfit("an integer", value)
    if not low <= number <= high:
        raise _Misfit(f"an integer from {low} to {high}", value)
    return number


def _varint_field(bits: int, *, signed: bool, zigzag: bool = False) -> Callable[[FieldDescriptor], Encode]:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)

    def compile_field(field: FieldDescriptor) -> Encode:
        tag = _tag(field, _VARINT)

        def encode(value: Any) -> bytes:
            number = _integer(value, low, high)
            if zigzag:
                return tag + _varint(number << 1 if number >= 0 else (-number << 1) - 1)
            return tag + _varint(number & 0xFFFF_FFFF_FFFF_FFFF)

        return encode

    return compile_field


def _fixed_field(code: str, low: int, high: int) -> Callable[[FieldDescriptor], Encode]:
    pack = struct.Struct(code).pack
    wire_type = _FIXED64 if struct.calcsize(code) == 8 else _FIXED32

    def compile_field(field: FieldDescriptor) -> Encode:
        tag = _tag(field, wire_type)

        def encode(value: Any) -> bytes:
            return tag + pack(_integer(value, low, high))

        return encode

    return compile_field


def _double_field(field: FieldDescriptor) -> Encode:
    tag, pack = _tag(field, _FIXED64), struct.Struct("<d").pack

    def encode(value: Any) -> bytes:
        number = value
        if type(value) is str:
            number = _DOUBLES.get(value) or (float(value) if _NUMBER.fullmatch(value) else None)
        if type(number) is not float and type(number) is not int:
            raise _Misfit("a number", value)
        try:
            return tag + pack(float(number))
        except OverflowError:
            raise _Misfit("a number that fits 64 bits", value) from None

    return encode


_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_DOUBLES = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def _bool_field(field: FieldDescriptor) -> Encode:
    false, true = _tag(field, _VARINT) + b"\0", _tag(field, _VARINT) + b"\1"

    def encode(value: Any) -> bytes:
        if type(value) is not bool:
            raise _Misfit("true or false", value)
        return true if value else false

    return encode


def _text_field(field: FieldDescriptor) -> Encode:
    return _delimited(field, _from_text)


def _enum(field: FieldDescriptor, enum: EnumDescriptor) -> Encode:
    numbers = {value.name: value.number for value in enum.values}
    as_number = _varint_field(32, signed=True)(field)

    def encode(value: Any) -> bytes:
        try:
            return as_number(numbers.get(value, value) if type(value) is str else value)
        except _Misfit:
            raise _Misfit(f"a number or name of {enum.name}", value) from None

    return encode


_SCALARS: dict[int, Callable[[FieldDescriptor], Encode]] = {
    FieldDescriptor.TYPE_STRING: _text_field,
    FieldDescriptor.TYPE_BOOL: _bool_field,
    FieldDescriptor.TYPE_DOUBLE: _double_field,
    FieldDescriptor.TYPE_INT32: _varint_field(32, signed=True),
    FieldDescriptor.TYPE_INT64: _varint_field(64, signed=True),
    FieldDescriptor.TYPE_UINT32: _varint_field(32, signed=False),
    FieldDescriptor.TYPE_UINT64: _varint_field(64, signed=False),
    FieldDescriptor.TYPE_SINT32: _varint_field(32, signed=True, zigzag=True),
    FieldDescriptor.TYPE_FIXED32: _fixed_field("<I", 0, (1 << 32) - 1),
    FieldDescriptor.TYPE_FIXED64: _fixed_field("<Q", 0, (1 << 64) - 1),
    FieldDescriptor.TYPE_SFIXED64: _fixed_field("<q", -(1 << 63), (1 << 63) - 1),
}
"""The scalar types that OTLP uses."""

_REQUESTS: dict[Signal, tuple[Encode, dict[str, Encode]]] = {
    signal: _compile_message(cast("Descriptor", service.request.DESCRIPTOR), {}) for signal, service in SERVICES.items()
}
