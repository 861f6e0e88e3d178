"""OTLP's messages, flattened: the same wire format read into one message per kind instead of one per span.

``body`` parses a body with them to know that all of it can be read, and gets all ids in a few columns. Three changes to
the published descriptors do it, and none changes which bytes are valid:

- a repeated message becomes a single one. Protobuf merges a single message that occurs again, so all spans of a body
  land in one, and 64 MiB of empty spans need no memory at all (as messages of their own: 6 GB);
- an id becomes a repeated field: merging collects all of them, in order;
- a oneof becomes plain fields, since members of different spans must not push each other out. Repeated integers
  become repeated booleans: a byte each, the same varints.

A second, tiny message counts items: they are ``repeated bytes`` there, so nothing in them is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from google.protobuf.descriptor import Descriptor, FileDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from sonde.receivers.otlp.services import SERVICES, IdField, ItemPlace, Service
from sonde.telemetry.signal import Signal

_ID_NAMES = {"trace_id", "span_id", "parent_span_id"}
_VARINTS = {
    FieldDescriptorProto.TYPE_INT32,
    FieldDescriptorProto.TYPE_INT64,
    FieldDescriptorProto.TYPE_UINT32,
    FieldDescriptorProto.TYPE_UINT64,
    FieldDescriptorProto.TYPE_SINT32,
    FieldDescriptorProto.TYPE_SINT64,
}


@dataclass(frozen=True, slots=True)
class IdColumn:
    """All ids of one field, as they lie in a serialized flat message: each behind its tag and its length."""

    field: IdField
    tag: bytes


@dataclass(frozen=True, slots=True)
class IdTable:
    """A flat message that holds ids: the way to it, its columns by ascending field number, and its other fields."""

    path: tuple[str, ...]
    columns: tuple[IdColumn, ...]
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A kind of item by itself: the flat message that reads one, and its ids."""

    message: type[Message]
    tables: tuple[IdTable, ...]


Tree = dict[int, "Tree | Item"]
"""Field numbers from a request down to its items."""


@dataclass(frozen=True, slots=True)
class Flat:
    """What the check of one service's bodies is made of."""

    request: type[Message]
    counter: type[Message]
    count_paths: tuple[tuple[str, ...], ...]
    tables: tuple[IdTable, ...]
    tree: Tree


def compile_service(service: Service) -> Flat:
    """Make the flat and the counting messages of a service from its published descriptors. Once, on import."""
    pool = DescriptorPool()
    _flatten_file(cast("FileDescriptor", service.request.DESCRIPTOR.file), pool)
    request = pool.FindMessageTypeByName(service.request.DESCRIPTOR.full_name)
    tables: list[IdTable] = []
    tree: Tree = {}
    for place in service.places:
        relative = _tables(_descend(request, place.path), place)
        tables += [IdTable(place.path + table.path, table.columns, table.others) for table in relative]
        _plant(tree, request, place.path, Item(GetMessageClass(_descend(request, place.path)), relative))
    return Flat(
        request=GetMessageClass(request),
        counter=_counter(request, tree),
        count_paths=tuple(_number_names(request, place.path) for place in service.places),
        tables=tuple(tables),
        tree=tree,
    )


def _flatten_file(file: FileDescriptor, pool: DescriptorPool) -> None:
    for dependency in file.dependencies:
        _flatten_file(dependency, pool)
    proto = FileDescriptorProto()
    file.CopyToProto(proto)
    proto.ClearField("service")
    for message in proto.message_type:
        _flatten_message(message)
    pool.Add(proto)


def _flatten_message(message: DescriptorProto) -> None:
    for nested in message.nested_type:
        _flatten_message(nested)
    message.ClearField("oneof_decl")
    for field in message.field:
        field.ClearField("oneof_index")
        field.ClearField("proto3_optional")
        repeated = field.label == FieldDescriptorProto.LABEL_REPEATED
        if field.type == FieldDescriptorProto.TYPE_BYTES and field.name in _ID_NAMES:
            field.label = FieldDescriptorProto.LABEL_REPEATED
        elif repeated and field.type in {FieldDescriptorProto.TYPE_MESSAGE, FieldDescriptorProto.TYPE_STRING}:
            field.label = FieldDescriptorProto.LABEL_OPTIONAL
        elif repeated and field.type in _VARINTS:
            field.type = FieldDescriptorProto.TYPE_BOOL


def _descend(message: Descriptor, path: tuple[str, ...]) -> Descriptor:
    for name in path:
        message = cast("Descriptor", message.fields_by_name[name].message_type)
    return message


def _tables(item: Descriptor, place: ItemPlace) -> tuple[IdTable, ...]:
    tables = []
    for path, ids in place.ids:
        message = _descend(item, path)
        by_number = sorted(ids, key=lambda each: message.fields_by_name[each.name].number)
        columns = tuple(
            IdColumn(each, bytes((message.fields_by_name[each.name].number << 3 | 2,))) for each in by_number
        )
        own = {each.name for each in ids}
        tables.append(IdTable(path, columns, tuple(field.name for field in message.fields if field.name not in own)))
    return tuple(tables)


def _plant(tree: Tree, message: Descriptor, path: tuple[str, ...], item: Item) -> None:
    field = message.fields_by_name[path[0]]
    if len(path) == 1:
        tree[field.number] = item
        return
    branch = cast("Tree", tree.setdefault(field.number, {}))
    _plant(branch, _descend(message, path[:1]), path[1:], item)


def _number_names(message: Descriptor, path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"f{_descend(message, path[:depth]).fields_by_name[name].number}" for depth, name in enumerate(path))


def _counter(request: Descriptor, tree: Tree) -> type[Message]:
    file = FileDescriptorProto(name="count.proto", package="count", syntax="proto3")

    def declare(name: str, branch: Tree) -> None:
        message = file.message_type.add(name=name)
        for number, below in branch.items():
            field = message.field.add(name=f"f{number}", number=number)
            if isinstance(below, Item):
                field.type, field.label = FieldDescriptorProto.TYPE_BYTES, FieldDescriptorProto.LABEL_REPEATED
            else:
                field.type, field.label = FieldDescriptorProto.TYPE_MESSAGE, FieldDescriptorProto.LABEL_OPTIONAL
                field.type_name = f".count.{name}_{number}"
                declare(f"{name}_{number}", below)

    declare(request.name, tree)
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName(f"count.{request.name}"))


FLAT: dict[Signal, Flat] = {signal: compile_service(service) for signal, service in SERVICES.items()}
