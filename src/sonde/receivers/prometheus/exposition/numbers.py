"""Numbers as expositions write them, and as Prometheus writes the bounds of buckets."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

_NUMBER: Final = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?i:inf(?:inity)?)|(?i:nan)")
_PLAIN: Final = b"0123456789+-.eE"


def parse_number(text: bytes) -> float | None:
    """Read a number, or None. Python's own spellings (``1_000``) are none.

    >>> parse_number(b"+1.5e3"), parse_number(b"-Inf"), parse_number(b"1_000"), parse_number(b"0x10")
    (1500.0, -inf, None, None)
    """
    return float(text) if _NUMBER.fullmatch(text) else None


def parse_numbers(texts: Sequence[bytes]) -> list[float] | None:
    """Read many numbers; None if one is none, or is written in a way that needs a closer look.

    >>> parse_numbers([b"1", b"2.5"]), parse_numbers([b"1", b"NaN"]), parse_numbers([b"1e"])
    ([1.0, 2.5], None, None)
    """
    if b"".join(texts).translate(None, _PLAIN):
        return None
    try:
        return list(map(float, texts))
    except ValueError:
        return None


def bound_text(value: float) -> str:
    """The text of ``le`` and ``quantile``: as OpenMetrics wants it, whatever way a target wrote the number.

    >>> [bound_text(value) for value in (1, 0.5, 1000000, 0.00001, 123456, math.inf)]
    ['1.0', '0.5', '1e+06', '1e-05', '123456.0', '+Inf']
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    mantissa, _, exponent = _scientific(value).partition("e")
    if value and not -4 <= int(exponent) < 6:
        return f"{mantissa}e{int(exponent):+03d}"
    places = max(len(mantissa.lstrip("-").replace(".", "")) - 1 - int(exponent), 1)
    return f"{value:.{places}f}"


def _scientific(value: float) -> str:
    """The fewest digits that are read as this value, as mantissa and exponent."""
    for precision in range(17):
        text = f"{value:.{precision}e}"
        if float(text) == value:
            return text
    raise AssertionError(value)
