"""Compressed bodies, undone with a hard cap: what a decoder makes is counted as it comes, so a bomb costs one limit.

Every receiver of bodies uses it; which encodings it takes is its own protocol's choice.
"""

from __future__ import annotations

import importlib.util
import sys
import zlib
from collections.abc import Callable
from typing import Any, Protocol

from sonde.errors import TooLarge, UserError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_PIECE_BYTES = 64 * 1024
_MOST_MEMBERS = 10_000
"""Of one gzip or zstd body: each costs a decompressor, and an empty one has only a few bytes."""
_ZSTD_WINDOW_LOG = 23
"""8 MiB, as RFC 9659 wants it of every decoder, and no more."""


class Decompressor(Protocol):
    """What the decoders have in common. Ends with the first member or frame of a body."""

    @property
    def eof(self) -> bool:
        """Tell whether the member has ended."""

    @property
    def unused_data(self) -> bytes | None:
        """Give what was fed behind the member's end."""

    def decompress(self, data: bytes | memoryview, /, max_length: int) -> bytes:
        """Go on, but give no more than this."""


DECOMPRESSORS: dict[str, Callable[[], Decompressor]] = {
    "gzip": lambda: zlib.decompressobj(wbits=16 + zlib.MAX_WBITS),
    "deflate": zlib.decompressobj,
    "zstd": lambda: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}),
}
"""By the word of ``content-encoding``; with ``lz4`` where its package is installed: ClickHouse's clients bring it."""

if importlib.util.find_spec("lz4"):

    def _lz4() -> Any:
        import lz4.frame  # type: ignore[import-untyped]

        return lz4.frame.LZ4FrameDecompressor()

    DECOMPRESSORS["lz4"] = _lz4


def decompress(raw: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Undo one of ``DECOMPRESSORS``, of any number of members; never makes more than the limit and one byte.

    Raises:
        UserError: It is damaged, cut short, or something follows it.
        TooLarge: It would pass the limit.

    >>> decompress(zlib.compress(b"plain"), "deflate", limit_bytes=100)
    b'plain'
    >>> decompress(zlib.compress(bytes(1000)), "deflate", limit_bytes=100)
    Traceback (most recent call last):
    sonde.errors.TooLarge: the body is larger than 100 bytes after decompression; send smaller batches [body.too_large]
    """
    view, parts = memoryview(raw), []
    at = made = members = 0
    while at < len(raw) or not members:
        members += 1
        decompressor = DECOMPRESSORS[encoding]()
        while not decompressor.eof:
            piece = view[at : at + _PIECE_BYTES]
            at += len(piece)
            try:
                part = decompressor.decompress(piece, max_length=limit_bytes + 1 - made)
            except (zlib.error, zstd.ZstdError, RuntimeError) as error:  # lz4 raises RuntimeError
                raise _damaged(encoding, str(error), members) from None
            made += len(part)
            if made > limit_bytes:
                raise too_large(limit_bytes, "after decompression")
            parts.append(part)
            if not piece and not decompressor.eof:
                raise _damaged(encoding, "it is cut short", members)
        at -= len(decompressor.unused_data or b"")
        if members > _MOST_MEMBERS:
            raise _damaged(encoding, f"it has more than {_MOST_MEMBERS} members", members)
    return b"".join(parts)


def too_large(limit_bytes: int, when: str) -> TooLarge:
    """Say that a body is beyond the limit."""
    return TooLarge(
        f"the body is larger than {limit_bytes} bytes {when}", code="body.too_large", hint="send smaller batches"
    )


def _damaged(encoding: str, reason: str, members: int) -> UserError:
    where = f" (member {members})" if members > 1 else ""
    return UserError(
        f"the body cannot be decompressed as {encoding}{where}: {reason}",
        code="body.compression",
        hint="check content-encoding",
    )
