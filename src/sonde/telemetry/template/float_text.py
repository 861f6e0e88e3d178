"""Floating-point numbers as Go's ``strconv.FormatFloat`` writes them."""

from __future__ import annotations

import math
from decimal import Decimal


def float_text(value: float, verb: str = "g", precision: int = -1) -> str:
    """A float by one of the verbs ``e E f F g G b x X``; precision -1 is as many digits as tell it from any other.

    >>> float_text(1234567.0), float_text(0.1), float_text(1e21, "f"), float_text(3.14159, "f", 2)
    ('1.234567e+06', '0.1', '1000000000000000000000', '3.14')
    >>> float_text(math.inf), float_text(math.nan), float_text(1.0, "x"), float_text(1.0, "b")
    ('+Inf', 'NaN', '0x1p+00', '4503599627370496p-52')
    """
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    match verb:
        case "b":
            return _binary(value)
        case "x" | "X":
            text = _hexadecimal(value, precision)
            return text.upper() if verb == "X" else text
        case "E" | "G":
            return float_text(value, verb.lower(), precision).upper()
        case "F":
            return float_text(value, "f", precision)
    if precision >= 0:
        return f"{value:.{precision}{verb}}"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    shown = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + int(exponent) if any(digits) else 1
    minus = "-" if sign else ""
    scientific = point - 1
    if verb == "e" or not (verb == "f" or -4 <= scientific < 6):
        rest = f".{shown[1:]}" if len(shown) > 1 else ""
        return f"{minus}{shown[0]}{rest}e{'-' if scientific < 0 else '+'}{abs(scientific):02d}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{shown}" if shown != "0" else f"{minus}0"
    whole, fraction = shown[:point].ljust(point, "0"), shown[point:]
    return f"{minus}{whole}.{fraction}" if fraction else f"{minus}{whole}"


def _binary(value: float) -> str:
    mantissa, exponent = math.frexp(value)
    whole, exponent = int(mantissa * 2**53), exponent - 53
    if value == 0 or exponent < -1074:
        whole, exponent = int(value * 2.0**1000 * 2.0**74), -1074
    return f"{'-' if math.copysign(1, value) < 0 and whole == 0 else ''}{whole}p{exponent:+d}"


def _hexadecimal(value: float, precision: int) -> str:
    sign = "-" if math.copysign(1, value) < 0 else ""
    if value == 0:
        return f"{sign}0x0{'.' + '0' * precision if precision > 0 else ''}p+00"
    mantissa, exponent = math.frexp(abs(value))
    bits, exponent = int(mantissa * 2**53), exponent - 1
    if precision >= 0 and precision < 13:
        drop = 4 * (13 - precision)
        rest = bits & ((1 << drop) - 1)
        bits >>= drop
        half = 1 << (drop - 1)
        bits += rest > half or (rest == half and bits & 1)
        bits <<= drop
        if bits >> 53:
            bits, exponent = bits >> 1, exponent + 1
    digits = f"{bits & (2**52 - 1):013x}"
    digits = digits.rstrip("0") if precision < 0 else digits[:precision].ljust(precision, "0")
    return f"{sign}0x1{'.' + digits if digits else ''}p{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
