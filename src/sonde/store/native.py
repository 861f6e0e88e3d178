"""ClickHouse's Native format as numpy columns: what comes back when a query's answer is numbers by the million.

A block is a column behind the other, so a column of numbers is one piece of memory and is never looked at by Python;
only blocks (65 thousand rows each) are walked. Format: https://clickhouse.com/docs/interfaces/formats/Native
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from sonde.errors import InternalError

Array: TypeAlias = NDArray[Any]
_Number = TypeVar("_Number", bound=np.generic)

_NUMBERS: Final[Mapping[str, str]] = {
    "Bool": "u1", "UInt8": "u1", "UInt16": "<u2", "UInt32": "<u4", "UInt64": "<u8",
    "Int8": "i1", "Int16": "<i2", "Int32": "<i4", "Int64": "<i8",
    "Float32": "<f4", "Float64": "<f8", "Date32": "<i4", "DateTime": "<u4", "DateTime64": "<i8", "Enum8": "i1",
}  # fmt: skip
_WRAPPED = re.compile(r"(Array|Nullable)\((.*)\)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of numbers. With ``offsets`` it is one of arrays: row ``i`` has ``values[offsets[i]:offsets[i + 1]]``.

    With ``present`` it has holes: where that is false, ``values`` means nothing.
    """

    values: Array
    offsets: NDArray[np.int64] | None = None
    present: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The columns of an answer, by name. Without rows it may be without columns, too."""

    columns: Mapping[str, Column]
    rows: int

    def numbers(self, name: str, dtype: type[_Number]) -> NDArray[_Number]:
        """A column of plain numbers; of its own size in bytes, it is not copied."""
        if not self.rows:
            return np.empty(0, dtype)
        column = self.columns[name]
        if column.offsets is not None or column.present is not None:
            raise InternalError(f"column {name} is not one of plain numbers")
        return column.values.astype(dtype, copy=False)

    def arrays(self, name: str, dtype: type[_Number]) -> list[NDArray[_Number]]:
        """A column of arrays, row by row."""
        if not self.rows:
            return []
        column = self.columns[name]
        if column.offsets is None:
            raise InternalError(f"column {name} is not one of arrays")
        return np.split(column.values.astype(dtype, copy=False), column.offsets[1:-1])

    def table(self, name: str, width: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """A column of arrays of ``width`` floats with holes, as a table: the values, and where there are some."""
        shape = (self.rows, width)
        if not self.rows:
            return np.empty(shape), np.empty(shape, np.bool_)
        column = self.columns[name]
        if column.present is None or len(column.values) != self.rows * width:
            raise InternalError(f"column {name} does not hold arrays of {width} with holes")
        return column.values.astype(np.float64, copy=False).reshape(shape), column.present.reshape(shape)


def answer_of(data: bytes) -> Answer:
    """Read an answer in Native format.

    >>> answer = answer_of(bytes([1, 2, 1]) + b"v" + bytes([6]) + b"UInt16" + bytes([1, 0, 2, 1]))
    >>> answer.rows, answer.numbers("v", np.uint16).tolist()
    (2, [1, 258])

    Raises:
        InternalError: A column's type is none of numbers, times, and arrays and nullables of these; or the answer
            breaks off.
    """
    blocks: dict[str, list[Column]] = {}
    reader = _Reader(data)
    total = 0
    try:
        while not reader.at_end:
            columns, rows = reader.varint(), reader.varint()
            total += rows
            for _ in range(columns):
                name, kind = reader.text(), reader.text()
                blocks.setdefault(name, []).append(reader.column(kind, rows))
    except (IndexError, ValueError) as error:
        raise InternalError(f"an answer of {len(data)} bytes breaks off: {error}") from error
    return Answer({name: _joined(pieces) for name, pieces in blocks.items()}, total)


class _Reader:
    """A place in the answer that moves on."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def at_end(self) -> bool:
        return self._at >= len(self._data)

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7

    def text(self) -> str:
        size = self.varint()
        self._at += size
        if self._at > len(self._data):
            raise IndexError("a text ends beyond it")
        return self._data[self._at - size : self._at].decode()

    def column(self, kind: str, rows: int) -> Column:
        wrapped = _WRAPPED.match(kind)
        if wrapped is None:
            return Column(self._numbers(kind, rows))
        if wrapped[1] == "Nullable":
            absent = self._numbers("UInt8", rows)
            return Column(self._numbers(wrapped[2], rows), present=absent == 0)
        offsets = np.zeros(rows + 1, np.int64)
        offsets[1:] = self._numbers("UInt64", rows)
        items = self.column(wrapped[2], int(offsets[-1]))
        if items.offsets is not None:
            raise _unknown(kind)
        return Column(items.values, offsets, items.present)

    def _numbers(self, kind: str, rows: int) -> Array:
        dtype = _NUMBERS.get(kind.partition("(")[0])
        if dtype is None:
            raise _unknown(kind)
        numbers = np.frombuffer(self._data, dtype, rows, self._at)
        self._at += numbers.nbytes
        return numbers


def _unknown(kind: str) -> InternalError:
    return InternalError(f"a column of type {kind} cannot be read as numbers")


def _joined(pieces: list[Column]) -> Column:
    """The blocks of a column as one."""
    if len(pieces) == 1:
        return pieces[0]
    sizes = [np.diff(piece.offsets) for piece in pieces if piece.offsets is not None]
    holes = [piece.present for piece in pieces if piece.present is not None]
    return Column(
        np.concatenate([piece.values for piece in pieces]),
        np.concatenate(([0], np.cumsum(np.concatenate(sizes)))) if sizes else None,
        np.concatenate(holes) if holes else None,
    )
