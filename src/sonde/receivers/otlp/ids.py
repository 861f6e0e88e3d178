"""Are the ids in a flat message as OTLP wants them? Whole columns at once for ``body``, one item for ``sift``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from google.protobuf.message import Message

from sonde.receivers.otlp.flat import IdColumn, IdTable


def ids_hold(flat: Message, table: IdTable, items: int) -> bool:
    """Tell whether every id in the table is good, and each of ``items`` items has its required ones.

    Uses up the message: clears the other fields, so ask about the tables below it first. One gap remains, on purpose:
    a field written twice in one item makes up for its absence in another. No encoder writes a field twice.
    """
    message = reduce(getattr, table.path, flat)
    counts = [len(getattr(message, column.field.name)) for column in table.columns]
    for column, count in zip(table.columns, counts, strict=True):
        if column.field.required and count != items:
            return False
    if not any(counts):
        return True
    for name in table.others:
        message.ClearField(name)
    serialized, at = message.SerializeToString(), 0
    for column, count in zip(table.columns, counts, strict=True):
        end = at + count * (column.field.size + 2)
        if not _uniform(serialized[at:end], column, count) and not _column_holds(message, column):
            return False
        at = end
    return True


def _uniform(serialized: bytes, column: IdColumn, count: int) -> bool:
    """Tell whether this is ``count`` times tag, length and an id of the right length; a zero id is left to others.

    The first id begins at 0; where one has the right tag and length, the next begins a stride further. So looking at
    two bytes of every stride proves all of them.
    """
    size = column.field.size
    return (
        serialized[:: size + 2] == column.tag * count
        and serialized[1 :: size + 2] == bytes((size,)) * count
        and not (column.field.required and bytes(size) in serialized)
    )


def _column_holds(message: Message, column: IdColumn) -> bool:
    ids = set(getattr(message, column.field.name))
    allowed = {column.field.size} if column.field.required else {0, column.field.size}
    return {len(each) for each in ids} <= allowed and not (column.field.required and bytes(column.field.size) in ids)


def fault(item: Message, tables: tuple[IdTable, ...]) -> str:
    """Say what is wrong with the ids of one item, or nothing (an empty string)."""
    for table in tables:
        message = reduce(getattr, table.path, item)
        for column in table.columns:
            field = column.field
            found: Sequence[bytes] = getattr(message, field.name)
            if field.required and not found:
                return f"{field.name} is missing"
            for each in found:
                if len(each) != field.size and (each or field.required):
                    return f"{'.'.join((*table.path, field.name))} has {len(each)} bytes instead of {field.size}"
                if field.required and each == bytes(field.size):
                    return f"{field.name} is all zero"
    return ""
