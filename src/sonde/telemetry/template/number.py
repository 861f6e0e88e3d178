"""Number and string literals of a template, by Go's rules."""

from __future__ import annotations

import re
from typing import Final

from sonde.telemetry.quoting import quote, unquote
from sonde.telemetry.template.ast import Number, String

_OCTAL: Final = re.compile(r"[+-]?0_?[0-7][0-7_]*")
_HEXADECIMAL_FLOAT: Final = re.compile(r"[+-]?0[xX][0-9a-fA-F_.]*[pP][+-]?[0-9]+")
_ESCAPE: Final = r"\\(?:[abfnrtv\\{quote}]|x[0-9a-fA-F]{{2}}|u[0-9a-fA-F]{{4}}|U[0-9a-fA-F]{{8}}|[0-3][0-7]{{2}})"
_STRING: Final = re.compile('"(?:[^"\\\\\n]|' + _ESCAPE.format(quote='"') + ')*"')
_CHARACTER: Final = re.compile("'(?:[^'\\\\\n]|" + _ESCAPE.format(quote="'") + ")")


def read_number(written: str, position: int) -> Number:
    """Read a number or a character.

    >>> read_number("0x10", 0).ideal, read_number("1e3", 0).ideal, read_number("'a'", 0).ideal
    (16, 1000.0, 97)

    Raises:
        ValueError: It is none, in Go's words.
    """
    if written.startswith("'"):
        if not _CHARACTER.match(written):
            raise ValueError("invalid syntax")
        if not _CHARACTER.fullmatch(written[:-1]):
            raise ValueError(f"malformed character constant: {written}")
        code = ord(unquote(written.encode("utf-8", "surrogateescape")))
        return Number(position, written, code, float(code))
    if written.endswith("i"):
        raise ValueError(f"complex numbers are not supported: {quote(written)}")
    integer = _integer(written)
    if integer is not None and -(2**63) <= integer < 2**64:
        return Number(position, written, integer, float(integer))
    value = _float(written)
    if value is None or value in {float("inf"), float("-inf")}:
        raise ValueError(f"illegal number syntax: {quote(written)}")
    if not set(written) & set(".eEpP"):
        raise ValueError(f"integer overflow: {quote(written)}")
    return Number(position, written, int(value) if value.is_integer() and abs(value) < 2**63 else None, value)


def read_string(written: str, position: int) -> String:
    r"""Read a string in double or back quotes.

    >>> read_string(r'"a\tb"', 0).value
    'a\tb'

    Raises:
        ValueError: It has an escape that Go does not know.
    """
    if written.startswith('"') and not _STRING.fullmatch(written):
        raise ValueError("invalid syntax")
    value = unquote(written.encode("utf-8", "surrogateescape"))
    return String(position, written, value.replace("\r", "") if written.startswith("`") else value)


def _integer(written: str) -> int | None:
    try:
        return int(written, 8) if _OCTAL.fullmatch(written) else int(written, 0)
    except ValueError:
        return None


def _float(written: str) -> float | None:
    try:
        if _HEXADECIMAL_FLOAT.fullmatch(written):
            return float.fromhex(written.replace("_", ""))
        return float(written)
    except (ValueError, OverflowError):
        return None
