"""The shape an HTTP body arrives in: content type and content encoding, undone with a hard cap.

``http`` reads the headers with ``parse``; ``receiver`` undoes the rest with ``decode`` before ``body`` checks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sonde.errors import UnsupportedMedia
from sonde.receivers.compression import decompress, too_large
from sonde.receivers.otlp.json import parse_json
from sonde.receivers.otlp.services import Service

PROTOBUF, JSON = "application/x-protobuf", "application/json"
_TYPES = {PROTOBUF: PROTOBUF, "application/protobuf": PROTOBUF, JSON: JSON}

_ENCODINGS = frozenset({"gzip", "zstd"})


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
    if encoding not in _ENCODINGS:
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
