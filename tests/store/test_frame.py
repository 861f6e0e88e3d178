from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.store.conftest import framed

from sonde.store.frame import MAX_FRAME_BYTES, frames, varint, whole_length

tenants = st.text(min_size=1, max_size=20)


def ends(segment: bytes) -> list[int]:
    return [frame.end for frame in frames(memoryview(segment))]


@given(st.lists(st.tuples(st.binary(max_size=300), tenants, st.integers(0, 2**64 - 1)), max_size=5))
def test_what_was_framed_is_found_again(bodies: list[tuple[bytes, str, int]]) -> None:
    each = [framed(*body) for body in bodies]
    segment = b"".join(each)

    found = list(frames(memoryview(segment)))

    assert [segment[frame.start : frame.end] for frame in found] == each
    assert all(segment[frame.payload :].startswith(body) for frame, (body, _, _) in zip(found, bodies, strict=True))


@given(st.binary(max_size=100), st.data())
def test_a_frame_cut_anywhere_is_no_frame(body: bytes, data: st.DataObject) -> None:
    whole, torn = framed(b"sound"), framed(body)
    cut = data.draw(st.integers(0, len(torn) - 1))

    assert ends(whole + torn[:cut]) == [len(whole)]


@given(st.binary(max_size=100), st.data())
def test_a_changed_byte_ends_the_sound_frames(body: bytes, data: st.DataObject) -> None:
    whole, damaged = framed(b"sound"), bytearray(framed(body))
    place, change = data.draw(st.integers(0, len(damaged) - 1)), data.draw(st.integers(1, 255))
    damaged[place] ^= change

    assert ends(whole + bytes(damaged)) == [len(whole)]


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff" * 5, id="a length that does not end"),
        pytest.param(varint(3) + b"abc", id="shorter than a checksum"),
        pytest.param(varint(MAX_FRAME_BYTES + 1), id="longer than any frame"),
    ],
)
def test_a_length_that_cannot_be_believed_is_none(start: bytes) -> None:
    assert whole_length(memoryview(start), 0) is None


def test_a_body_cannot_hide_a_second_frame_in_itself() -> None:
    inner = framed(b"inner", "someone-else")

    assert ends(framed(inner)) == [len(framed(inner))]
