"""Answers in Native format as numpy columns, from both clients."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonde.errors import InternalError
from sonde.store.client import Limits
from sonde.store.native import Answer, answer_of

MANY = Limits(result_rows=None, result_bytes=None)


def answer(client: Any, sql: str) -> Answer:
    return answer_of(client.query_bytes(sql, output_format="Native", limits=MANY))


def test_numbers_and_times_of_all_sizes_come_as_they_are(either: Any) -> None:
    sql = (
        "SELECT toUInt8(255) AS u8, toInt8(-1) AS i8, toUInt64(18446744073709551615) AS u64, toInt32(-2) AS i32, true AS b, "
        "toDate32('1960-01-01') AS day, fromUnixTimestamp64Milli(toInt64(-1)) AS ts, reinterpretAsFloat64(toUInt64(0x7FF0000000000002)) AS nan, "
        "CAST('b', 'Enum8(\\'a\\' = -3, \\'b, (c\\' = 5, \\'b\\' = 7)') AS e"
    )
    found = answer(either, sql)
    assert found.rows == 1
    kinds: dict[str, type[np.generic]] = {
        "u8": np.uint8,
        "i8": np.int8,
        "u64": np.uint64,
        "i32": np.int32,
        "b": np.bool_,
    }
    assert [found.numbers(name, kind)[0] for name, kind in kinds.items()] == [255, -1, 2**64 - 1, -2, True]
    assert [found.numbers(name, np.int64)[0] for name in ("day", "ts", "e")] == [-3653, -1, 7]
    assert found.numbers("nan", np.float64).view(np.uint64)[0] == 0x7FF0000000000002


def test_blocks_are_joined(either: Any) -> None:
    sql = (
        "SELECT number AS n, range(number % 3) AS list, arrayMap(i -> if(i = 1, NULL, toFloat64(i)), range(2)) AS holes "
        "FROM numbers(100000) SETTINGS max_block_size = 30000"
    )
    found = answer_of(either.query_bytes(f"SELECT * FROM ({sql})", output_format="Native", limits=MANY))
    assert found.rows == 100_000
    order = np.argsort(found.numbers("n", np.int64))
    assert found.numbers("n", np.int64)[order].tolist() == list(range(100_000))
    lists = found.arrays("list", np.int64)
    assert all(lists[row].tolist() == list(range(number % 3)) for number, row in enumerate(order[:50].tolist()))
    values, present = found.table("holes", 2)
    assert values.shape == (100_000, 2)
    assert values[:, 0].tolist() == [0.0] * 100_000
    assert present.all(axis=0).tolist() == [True, False]
    assert not present[:, 1].any()


def test_an_answer_without_rows_is_empty(either: Any) -> None:
    found = answer(either, "SELECT number AS n, [number] AS list FROM numbers(0)")
    assert (found.rows, found.numbers("n", np.int64).size, found.arrays("list", np.int64)) == (0, 0, [])
    assert found.table("list", 3)[0].shape == (0, 3)


@pytest.mark.parametrize("kind", ["'text'", "map('a', 1)", "[[1]]", "(1, 2)"])
def test_what_is_no_number_is_refused(either: Any, kind: str) -> None:
    with pytest.raises(InternalError, match="cannot be read as numbers"):
        answer(either, f"SELECT {kind} AS x")


def test_a_column_of_another_shape_is_refused(either: Any) -> None:
    found = answer(either, "SELECT 1 AS one, [1, 2] AS list")
    with pytest.raises(InternalError, match="not one of plain numbers"):
        found.numbers("list", np.int64)
    with pytest.raises(InternalError, match="not one of arrays"):
        found.arrays("one", np.int64)
    with pytest.raises(InternalError, match="does not hold arrays of 3"):
        found.table("list", 3)


def text(value: str) -> str:
    """A string as Native has it, as hexadecimal: its length and itself."""
    return (bytes([len(value)]) + value.encode()).hex()


# Bytes as hexadecimal (columns, rows, then each column's name, type and values), and what they say.
GOLDEN = [
    ("", 0, {}),
    ("01 00" + text("n") + text("UInt8"), 0, {"n": []}),
    ("01 03" + text("n") + text("UInt8") + "01 00 ff", 3, {"n": [1, 0, 255]}),
    ("01 02" + text("n") + text("Int16") + "feff 0001", 2, {"n": [-2, 256]}),
    ("01 01" + text("t") + text("DateTime64(3, 'UTC')") + "e803000000000000", 1, {"t": [1000]}),
    ("02 01" + text("a") + text("UInt8") + "07" + text("b") + text("Int8") + "f9", 1, {"a": [7], "b": [-7]}),
    (2 * ("01 01" + text("n") + text("UInt8") + "05"), 2, {"n": [5, 5]}),
    (
        "01 03" + text("l") + text("Array(UInt8)") + "0200000000000000 0200000000000000 0300000000000000 01 02 03",
        3,
        {"l": [[1, 2], [], [3]]},
    ),
    (
        2 * ("01 02" + text("l") + text("Array(UInt8)") + "0100000000000000 0100000000000000 09"),
        4,
        {"l": [[9], [], [9], []]},
    ),
]


@pytest.mark.parametrize(("data", "rows", "columns"), GOLDEN)
def test_bytes_are_read_as_the_format_says(data: str, rows: int, columns: dict[str, list[Any]]) -> None:
    found = answer_of(bytes.fromhex(data))

    assert found.rows == rows
    for name, expected in columns.items():
        if expected and isinstance(expected[0], list):
            assert [items.tolist() for items in found.arrays(name, np.int64)] == expected
        else:
            assert found.numbers(name, np.int64).tolist() == expected


@pytest.mark.parametrize("data", [data for data, rows, _ in GOLDEN if rows])
def test_an_answer_that_breaks_off_is_no_answer(data: str) -> None:
    whole = bytes.fromhex(data)
    ends_of_blocks = {len(whole) // 2} if whole[: len(whole) // 2] * 2 == whole else set()
    for end in set(range(1, len(whole))) - ends_of_blocks:
        with pytest.raises(InternalError, match="breaks off"):
            answer_of(whole[:end])


SIZES = {
    **{f"UInt{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    **{f"Int{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
}
same_client = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@st.composite
def integers(draw: st.DrawFn) -> tuple[str, list[int]]:
    kind = draw(st.sampled_from(sorted(SIZES)))
    least, most = SIZES[kind]
    return kind, draw(st.lists(st.integers(least, most), max_size=20))


@same_client
@given(drawn=integers())
def test_integers_of_every_size_come_back(either: Any, drawn: tuple[str, list[int]]) -> None:
    kind, values = drawn
    sql = f"SELECT CAST(arrayJoin({{values:Array(String)}}), '{kind}') AS n"
    data = either.query_bytes(sql, {"values": list(map(str, values))}, output_format="Native", limits=MANY)
    found = answer_of(data)

    assert (found.rows, found.numbers("n", np.uint64 if kind == "UInt64" else np.int64).tolist()) == (
        len(values),
        values,
    )


@same_client
@given(values=st.lists(st.integers(0, 2**64 - 1), max_size=20))
def test_floats_come_back_bit_by_bit(either: Any, values: list[int]) -> None:
    sql = "SELECT reinterpretAsFloat64(arrayJoin({values:Array(UInt64)})) AS x"
    found = answer_of(either.query_bytes(sql, {"values": values}, output_format="Native", limits=MANY))

    assert found.numbers("x", np.float64).tobytes() == struct.pack(f"<{len(values)}Q", *values)


@same_client
@given(rows=st.lists(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), max_size=6), max_size=12))
def test_arrays_with_holes_come_back(either: Any, rows: list[list[int | None]]) -> None:
    sql = """
        SELECT JSONExtract(arrayJoin({rows:Array(String)}), 'Array(Nullable(Int64))') AS list,
          arrayMap(item -> assumeNotNull(item), arrayFilter(item -> isNotNull(item), list)) AS filled
    """
    data = either.query_bytes(sql, {"rows": [json.dumps(row) for row in rows]}, output_format="Native", limits=MANY)
    found = answer_of(data)

    filled = [[item for item in row if item is not None] for row in rows]
    assert [items.tolist() for items in found.arrays("filled", np.int64)] == filled
    if rows:
        column = found.columns["list"]
        assert column.present is not None
        assert column.offsets is not None
        assert column.present.tolist() == [item is not None for row in rows for item in row]
        assert column.offsets.tolist() == np.cumsum([0, *map(len, rows)]).tolist()


@same_client
@given(width=st.integers(1, 5), rows=st.integers(1, 5), blocks=st.integers(1, 4))
def test_blocks_of_tables_are_put_together(either: Any, width: int, rows: int, blocks: int) -> None:
    sql = f"SELECT arrayMap(i -> if(i % 2 = 1, NULL, toFloat64(number * 10 + i)), range({width})) AS grid FROM numbers({rows})"
    block = either.query_bytes(sql, output_format="Native", limits=MANY)
    values, present = answer_of(block * blocks).table("grid", width)

    expected = [[float(row * 10 + i) if i % 2 == 0 else np.nan for i in range(width)] for row in range(rows)] * blocks
    np.testing.assert_array_equal(np.where(present, values, np.nan), expected)
