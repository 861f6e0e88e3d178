"""Undoing compression: any number of members, nothing behind them, and never more memory than the limit."""

from __future__ import annotations

import gzip
import random
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonde.errors import TooLarge, UserError
from sonde.receivers.compression import decompress

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COMPRESS = {"gzip": gzip.compress, "zstd": zstd.compress}
MIB = 1024 * 1024


@pytest.mark.parametrize("encoding", COMPRESS)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=4))
def test_several_members_are_read_as_one(encoding, members):
    raw = b"".join(COMPRESS[encoding](member) for member in members)
    assert decompress(raw, encoding, limit_bytes=10_000) == b"".join(members)


@pytest.mark.parametrize("encoding", COMPRESS)
def test_a_body_of_exactly_the_limit_is_read(encoding):
    body = random.Random(7).randbytes(3 * MIB)
    assert decompress(COMPRESS[encoding](body), encoding, limit_bytes=len(body)) == body
    with pytest.raises(TooLarge, match=f"larger than {len(body) - 1} bytes after decompression"):
        decompress(COMPRESS[encoding](body), encoding, limit_bytes=len(body) - 1)


@pytest.mark.parametrize("encoding", COMPRESS)
def test_a_bomb_takes_no_more_memory_than_the_limit(encoding):
    bomb = COMPRESS[encoding](bytes(50 * MIB))
    tracemalloc.start()
    with pytest.raises(TooLarge):
        decompress(bomb, encoding, limit_bytes=MIB)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 3 * MIB


@pytest.mark.parametrize("encoding", COMPRESS)
def test_a_body_of_nothing_but_members_is_refused(encoding):
    with pytest.raises(UserError, match="more than 10000 members"):
        decompress(COMPRESS[encoding](b"") * 20_000, encoding, limit_bytes=MIB)


def test_a_window_beyond_what_rfc_9659_allows_is_refused():
    options = {zstd.CompressionParameter.window_log: 25, zstd.CompressionParameter.content_size_flag: 0}
    compressor = zstd.ZstdCompressor(options=options)
    body = compressor.compress(random.Random(7).randbytes(MIB)) + compressor.flush()
    with pytest.raises(UserError, match=r"cannot be decompressed as zstd: .*requires too much memory"):
        decompress(body, "zstd", limit_bytes=64 * MIB)


@pytest.mark.parametrize("encoding", COMPRESS)
@given(data=st.data())
def test_every_cut_is_noticed(encoding, data):
    raw = COMPRESS[encoding](b"some telemetry " * 20)
    end = data.draw(st.integers(0, len(raw) - 1))
    with pytest.raises(UserError, match=f"cannot be decompressed as {encoding}"):
        decompress(raw[:end], encoding, limit_bytes=MIB)
