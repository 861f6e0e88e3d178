"""Numbers as text, as Prometheus writes and reads them."""

from __future__ import annotations

import math
import re
from decimal import Decimal

_HEXADECIMAL = r"0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d+"
_DECIMAL = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_GO_FLOAT = re.compile(rf"[+-]?(?:{_HEXADECIMAL}|{_DECIMAL})")
_WORDS = {"inf": math.inf, "infinity": math.inf, "nan": math.nan}


def go_float(value: float) -> str:
    """A number as Go's ``%g`` has it: as short as possible, with an exponent from a million on.

    >>> go_float(6.0), go_float(0.5), go_float(1e6), go_float(1e-5), go_float(math.inf), go_float(-0.1)
    ('6', '0.5', '1e+06', '1e-05', '+Inf', '-0.1')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, last = Decimal(repr(value)).as_tuple()
    exponent = int(last) + len(digits) - 1
    if value == 0 or -4 <= exponent < 6:
        return plain_float(value)
    figures = "".join(map(str, digits)).rstrip("0")
    fraction = f".{figures[1:]}" if len(figures) > 1 else ""
    return f"{'-' if sign else ''}{figures[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def plain_float(value: float) -> str:
    """A number without an exponent, as ``count_values`` labels it.

    >>> plain_float(1e21), plain_float(8.0), plain_float(1e-7)
    ('1000000000000000000000', '8', '0.0000001')
    """
    if not math.isfinite(value):
        return go_float(value)
    text = format(Decimal(repr(value)), "f")
    return text.rstrip("0").removesuffix(".") if "." in text else text


def open_metrics_float(value: float) -> str:
    """A number as a label of a bucket or quantile has it.

    >>> open_metrics_float(1.0), open_metrics_float(0.25), open_metrics_float(math.nan)
    ('1.0', '0.25', 'NaN')
    """
    text = go_float(value)
    return text if not math.isfinite(value) or "." in text or "e" in text else f"{text}.0"


def parse_float(text: str) -> float | None:
    """The number that Go's ``strconv.ParseFloat`` reads, or None.

    >>> parse_float("+Inf"), parse_float(".2"), parse_float("Hello World"), parse_float("")
    (inf, 0.2, None, None)
    """
    word = _WORDS.get((text[1:] if text[:1] in {"+", "-"} else text).lower())
    if word is not None:
        return -word if text.startswith("-") else word
    if not _GO_FLOAT.fullmatch(text):
        return None
    try:
        return float.fromhex(text) if "x" in text.lower() else float(text)
    except (ValueError, OverflowError):
        return None
