"""Protobuf messages from their text, for protocols that no package brings: compiled when the module is imported.

A text has `message` with scalar and message fields, `repeated` and `oneof`: what the published schemas of Prometheus
and Loki use. Enumerations are written as `int32`, which is the same on the wire and keeps numbers that are newer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

_TOKEN = re.compile(
    r"//[^\n]*"
    r"|message\s+(?P<message>\w+)\s*\{"
    r"|oneof\s+(?P<oneof>\w+)\s*\{"
    r"|(?P<repeated>repeated\s+)?(?P<type>\w+)\s+(?P<name>\w+)\s*=\s*(?P<number>\d+)\s*;"
    r"|(?P<end>\})"
    r"|\s+"
)
_SCALARS: Mapping[str, FieldDescriptorProto.Type.ValueType] = {
    name.removeprefix("TYPE_").lower(): number
    for name, number in FieldDescriptorProto.Type.items()
    if name not in {"TYPE_MESSAGE", "TYPE_ENUM", "TYPE_GROUP"}
}


def compile_messages(package: str, text: str) -> dict[str, type[Message]]:
    r"""Make the messages of a proto3 text, by their names.

    >>> messages = compile_messages("example", "message Sample { double value = 1; repeated string labels = 2; }")
    >>> messages["Sample"](value=2, labels=["job"]).SerializeToString()
    b'\t\x00\x00\x00\x00\x00\x00\x00@\x12\x03job'
    >>> compile_messages("example", "message Sample { group value }")
    Traceback (most recent call last):
    ValueError: example.proto cannot be read at 'group value }'
    """
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    message = DescriptorProto()
    open_oneof = False
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ValueError(f"{package}.proto cannot be read at {text[at : at + 40]!r}")
        at = token.end()
        if token["message"]:
            message = file.message_type.add(name=token["message"])
        elif token["oneof"]:
            message.oneof_decl.add(name=token["oneof"])
            open_oneof = True
        elif token["end"]:
            open_oneof = False
        elif token["type"]:
            _add_field(message, token, package, in_oneof=open_oneof)
    pool = DescriptorPool()
    pool.Add(file)
    names = [declared.name for declared in file.message_type]
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in names}


def _add_field(message: DescriptorProto, token: re.Match[str], package: str, *, in_oneof: bool) -> None:
    repeated = FieldDescriptorProto.LABEL_REPEATED if token["repeated"] else FieldDescriptorProto.LABEL_OPTIONAL
    field = message.field.add(name=token["name"], number=int(token["number"]), label=repeated)
    if in_oneof:
        field.oneof_index = len(message.oneof_decl) - 1
    scalar = _SCALARS.get(token["type"])
    if scalar is None:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{package}.{token['type']}"
    else:
        field.type = scalar


def varint(number: int) -> bytes:
    r"""Protobuf's base-128 encoding, for what is written without a message.

    >>> varint(300)
    b'\xac\x02'
    """
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
