r"""Snappy's block format, undone with a hard cap: a block says first how long it is, which is believed only so far.

Prometheus and Loki send it. Format: https://github.com/google/snappy/blob/main/format_description.txt
"""

from __future__ import annotations

from typing import Any, Final

import cramjam

from sonde.errors import UserError
from sonde.receivers.compression import too_large

_snappy: Any = cramjam.snappy
_MOST_EXPANSION: Final = 22
"""Of a block: three bytes copy 64 at most. One that claims more is damaged, and need not cost what it claims."""


def decompress(raw: bytes, limit_bytes: int) -> bytes:
    r"""Undo one block.

    Raises:
        UserError: It is no block, or damaged.
        TooLarge: It would pass the limit; nothing of it was decompressed.

    >>> decompress(b"\x05\x10plain", limit_bytes=100)
    b'plain'
    >>> decompress(b"\xff\xff\xff\xff\x0f\x00", limit_bytes=100)
    Traceback (most recent call last):
    sonde.errors.TooLarge: the body is larger than 100 bytes after decompression; send smaller batches [body.too_large]
    """
    size_bytes = _claimed(raw)
    if size_bytes > limit_bytes:
        raise too_large(limit_bytes, "after decompression")
    if size_bytes > _MOST_EXPANSION * len(raw):
        raise _damaged(f"it claims {size_bytes} bytes, more than {len(raw)} can become")
    try:
        return bytes(_snappy.decompress_raw(raw))
    except cramjam.DecompressionError as error:
        raise _damaged(str(error)) from None


def compress(plain: bytes) -> bytes:
    """Make a block.

    >>> decompress(compress(b"plain" * 100), limit_bytes=500) == b"plain" * 100
    True
    """
    return bytes(_snappy.compress_raw(plain))


def _claimed(raw: bytes) -> int:
    """The length at the start of a block: a varint of at most 32 bits."""
    size_bytes = 0
    for at, byte in enumerate(raw[:5]):
        size_bytes |= (byte & 0x7F) << (7 * at)
        if byte < 0x80 and size_bytes < 1 << 32:
            return size_bytes
    raise _damaged("it does not begin with a length")


def _damaged(reason: str) -> UserError:
    return UserError(
        f"the body cannot be decompressed as snappy: {reason}",
        code="body.compression",
        hint="compress it with snappy in its block format, not the framed one",
    )
