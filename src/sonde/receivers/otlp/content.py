"""The shape an HTTP body arrives in: content type and content encoding, undone with a hard cap.

``http`` reads the headers with ``parse``; ``receiver`` undoes the rest with ``decode`` before ``body`` checks it.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sonde.errors import TooLarge, UnsupportedMedia, UserError
from sonde.receivers.otlp.json import parse_json
from sonde.receivers.otlp.services import Service

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PROTOBUF, JSON = "application/x-protobuf", "application/json"
_TYPES = {PROTOBUF: PROTOBUF, "application/protobuf": PROTOBUF, JSON: JSON}

_PIECE_BYTES = 64 * 1024
_MOST_MEMBERS = 10_000
"""Of one gzip or zstd body: each costs a decompressor, and an empty one has only a few bytes."""
_ZSTD_WINDOW_LOG = 23
"""8 MiB, as RFC 9659 wants it of every decoder, and no more."""


class Decompressor(Protocol):
    """What ``zlib`` and ``zstd`` have in common. Ends with the first member or frame of a body."""

    @property
    def eof(self) -> bool:
        """Tell whether the member has ended."""

    @property
    def unused_data(self) -> bytes:
        """Give what was fed behind the member's end."""

    def decompress(self, data: bytes | memoryview, /, max_length: int) -> bytes:
        """Go on, but give no more than this."""


DECOMPRESSORS: dict[str, Callable[[], Decompressor]] = {
    "gzip": lambda: zlib.decompressobj(wbits=16 + zlib.MAX_WBITS),
    "zstd": lambda: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}),
}


@dataclass(frozen=True, slots=True)
class Content:
    """How a body is written: its media type (also that of the answer) and its compression (or "")."""

    type: str
    encoding: str = ""


def parse(headers: Mapping[str, str]) -> Content:
    """Read ``content-type`` and ``content-encoding``.

    Raises:
        UnsupportedMedia: Nobody here reads that.
    """
    written = headers.get("content-type", "")
    media, *parameters = (part.strip().lower() for part in written.split(";"))
    charset = next((part.removeprefix("charset=").strip('"') for part in parameters if part.startswith("charset=")), "")
    kind = _TYPES.get(media)
    if kind is None or charset not in {"", "utf-8", "utf8"}:
        raise UnsupportedMedia(
            f"content-type {written!r} is not read here" if written else "the request has no content-type",
            code="otlp.content_type",
            hint=f"send {PROTOBUF} or {JSON}",
        )
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding in {"", "identity", "none"}:
        return Content(kind)
    if encoding not in DECOMPRESSORS:
        raise UnsupportedMedia(
            f"content-encoding {encoding!r} is not read here",
            code="otlp.content_encoding",
            hint="send it plain, or with gzip or zstd",
        )
    return Content(kind, encoding)


def answer_type(headers: Mapping[str, str]) -> str:
    """Choose the media type of an answer: that of the request; JSON, which people can read, if it had none of ours."""
    return _TYPES.get(headers.get("content-type", "").partition(";")[0].strip().lower(), JSON)


def decode(service: Service, raw: bytes, content: Content, limit_bytes: int) -> bytes:
    """Undo compression and JSON.

    Raises:
        UserError: It cannot be read.
        TooLarge: It is larger than the limit without its compression, or once its JSON is protobuf.
    """
    if content.encoding:
        raw = decompress(raw, content.encoding, limit_bytes)
    if content.type == JSON and raw:
        raw = parse_json(service, raw)
        if len(raw) > limit_bytes:
            raise too_large(limit_bytes, "as protobuf")
    return raw


def decompress(raw: bytes, encoding: str, limit_bytes: int) -> bytes:
    """Undo gzip or zstd of any number of members; never makes more than the limit and one byte.

    Raises:
        UserError: It is damaged, cut short, or something follows it.
        TooLarge: It would pass the limit.
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
            except (zlib.error, zstd.ZstdError) as error:
                raise _damaged(encoding, str(error), members) from None
            made += len(part)
            if made > limit_bytes:
                raise too_large(limit_bytes, "after decompression")
            parts.append(part)
            if not piece and not decompressor.eof:
                raise _damaged(encoding, "it is cut short", members)
        at -= len(decompressor.unused_data)
        if members > _MOST_MEMBERS:
            raise _damaged(encoding, f"it has more than {_MOST_MEMBERS} members", members)
    return b"".join(parts)


def too_large(limit_bytes: int, when: str) -> TooLarge:
    """Say that a body is beyond the limit."""
    return TooLarge(
        f"the body is larger than {limit_bytes} bytes {when}", code="otlp.too_large", hint="send smaller batches"
    )


def _damaged(encoding: str, reason: str, members: int) -> UserError:
    where = f" (member {members})" if members > 1 else ""
    return UserError(
        f"the body cannot be decompressed as {encoding}{where}: {reason}",
        code="otlp.compression",
        hint="check content-encoding",
    )
