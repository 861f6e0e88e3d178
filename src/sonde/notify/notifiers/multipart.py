"""Forms with files, for services that take an image with its message.

Specification: RFC 7578
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a form."""

    field: str
    name: str
    """Its file name; one of ours, so that nothing in it needs to be escaped."""
    content: bytes
    content_type: str = "image/png"


def multipart(fields: Mapping[str, str], upload: Upload) -> tuple[bytes, str]:
    r"""The body of a form, and its content type. The same form is always the same bytes.

    >>> body, content_type = multipart({"a": "ü"}, Upload("f", "g.png", b"\x89PNG"))
    >>> content_type[:36], body.count(b"--" + content_type[30:].encode())
    ('multipart/form-data; boundary=sonde-', 3)
    """
    parts = [
        (f'form-data; name="{name}"', "text/plain; charset=utf-8", value.encode("utf-8", "replace"))
        for name, value in fields.items()
    ]
    parts.append((f'form-data; name="{upload.field}"; filename="{upload.name}"', upload.content_type, upload.content))
    digest = hashlib.sha256(b"\0".join(content for _, _, content in parts)).hexdigest()
    boundary = f"sonde-{digest[:32]}"  # which no content can hold, because it depends on all of it
    written = [
        f"--{boundary}\r\ncontent-disposition: {disposition}\r\ncontent-type: {kind}\r\n\r\n".encode() + content
        for disposition, kind, content in parts
    ]
    return b"\r\n".join(written) + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
