"""Where the next page begins: a few numbers and ids, packed into one opaque word.

A cursor names a place in the order of the answer, not a page number, so pages neither skip nor repeat while new data
arrives. It is neither secret nor trusted: what it says is checked like any other input, and only ever becomes
parameters.
"""

from __future__ import annotations

import base64
import json

from sonde.errors import UserError


def pack(*parts: float | str) -> str:
    """Write a cursor.

    >>> unpack(pack(5, "ab"), int, str)
    (5, 'ab')
    """
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def unpack(cursor: str, *types: type) -> tuple[float | str, ...]:
    """Read a cursor that must hold values of these types.

    >>> unpack("bogus", int)
    Traceback (most recent call last):
    sonde.errors.UserError: the cursor is not one of ours; leave it out to start at the newest [bad_cursor]
    """
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        parts = None
    fits = isinstance(parts, list) and len(parts) == len(types)
    if not fits or not all(type(part) is wanted for part, wanted in zip(parts, types, strict=True)):
        raise UserError("the cursor is not one of ours", code="bad_cursor", hint="leave it out to start at the newest")
    if any(isinstance(part, int) and abs(part) >= 2**63 for part in parts):
        raise UserError("the cursor is out of range", code="bad_cursor")
    return tuple(parts)
