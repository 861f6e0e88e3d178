"""Ids as people paste them: trace ids of 16 bytes and span ids of 8, as hexadecimal text."""

from __future__ import annotations

import re

from sonde.errors import UserError

_HEX = re.compile(r"[0-9a-fA-F]+\Z")


def parse_trace_id(text: str) -> str:
    """Read a trace id; one of 64 bits, as older systems write it, is filled up with zeros on the left.

    >>> parse_trace_id("4BF92F3577B34DA6A3CE929D0E0E4736")
    '4bf92f3577b34da6a3ce929d0e0e4736'
    >>> parse_trace_id("xyz")
    Traceback (most recent call last):
    sonde.errors.UserError: 'xyz' is not a trace id; it has 32 hexadecimal digits [bad_trace_id]
    """
    return _parse(text, digits=32, least=16, name="trace")


def parse_span_id(text: str) -> str:
    """Read a span id.

    >>> parse_span_id("00F067AA0BA902B7")
    '00f067aa0ba902b7'
    """
    return _parse(text, digits=16, least=16, name="span")


def _parse(text: str, *, digits: int, least: int, name: str) -> str:
    stripped = text.strip().replace("-", "")
    if not _HEX.match(stripped) or not least <= len(stripped) <= digits or not stripped.strip("0"):
        raise UserError(
            f"{text!r} is not a {name} id", code=f"bad_{name}_id", hint=f"it has {digits} hexadecimal digits"
        )
    return stripped.lower().zfill(digits)
