"""One value by one verb of Go's ``fmt``: ``%v %+v %#v %T %s %q %d %f %x``, with flags, width and precision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from sonde.telemetry.quoting import quote, quote_character
from sonde.telemetry.template.float_text import float_text
from sonde.telemetry.template.values import fields_of, go_type, kind_of, own_text, sorted_items

_BASES: Final = {"d": "d", "v": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}
_FLOATS: Final = {"v": ("g", -1), "e": ("e", 6), "E": ("E", 6), "f": ("f", 6), "F": ("f", 6)} | {
    verb: (verb, -1) for verb in "gGbxX"
}


@dataclass(frozen=True, slots=True)
class Flags:
    """What stands between ``%`` and the verb."""

    sharp: bool = False
    zero: bool = False
    plus: bool = False
    minus: bool = False
    space: bool = False
    width: int | None = None
    precision: int | None = None
    names_fields: bool = False
    """``%+v``."""
    go_syntax: bool = False
    """``%#v``."""
    erroring: bool = False
    """Inside the report of a bad verb, where nobody's own text is asked for."""

    def padded(self, text: str, *, zero: bool | None = None) -> str:
        """The text, as wide as asked for."""
        missing = (self.width or 0) - len(text)
        if missing <= 0:
            return text
        if self.minus:
            return text + " " * missing
        return ("0" if (self.zero if zero is None else zero) else " ") * missing + text


PLAIN: Final = Flags()


def value_text(value: Any, verb: str = "v", flags: Flags = PLAIN) -> str:
    """A value as text.

    >>> value_text({"b": [1, "x"], "a": None}), value_text("é", "x"), value_text(255, "X", Flags(sharp=True))
    ('map[a:<nil> b:[1 x]]', 'c3a9', '0XFF')
    >>> value_text("x", "d")
    '%!d(string=x)'
    """
    if value is None:
        return flags.padded("<nil>") if verb in {"T", "v"} else f"%!{verb}(<nil>)"
    if verb == "T":
        return _truncated(go_type(value), flags)
    return _any(value, verb, flags)


def _any(value: Any, verb: str, flags: Flags) -> str:  # noqa: C901 - a table of kinds
    text: str | None
    if value is None:
        return "interface {}(nil)" if flags.go_syntax else "<nil>"
    if not flags.go_syntax and not flags.erroring and verb in "vsxXq":
        own = own_text(value)
        if own is not None:
            return _string(own, verb, flags) or ""
    match kind_of(value):
        case "string":
            text = _string(value, verb, flags)
        case "bool":
            text = flags.padded("true" if value else "false") if verb in "tv" else None
        case "int":
            text = _integer(int(value), verb, flags)
        case "uint":
            text = f"0x{value:x}" if flags.go_syntax and verb == "v" else _integer(int(value), verb, flags)
        case "float":
            text = _float(float(value), verb, flags)
        case "slice":
            text = _joined([_any(one, verb, flags) for one in value], "[", "]", value, flags)
        case "map":
            pairs = [f"{_any(key, verb, flags)}:{_any(one, verb, flags)}" for key, one in sorted_items(value)]
            text = _joined(pairs, "map[", "]", value, flags)
        case "struct":
            text = _struct(value, verb, flags)
        case _:
            text = f"{go_type(value)}" if verb == "v" else None
    return _bad_verb(value, verb, flags) if text is None else text


def _bad_verb(value: Any, verb: str, flags: Flags) -> str:
    return f"%!{verb}({go_type(value)}={_any(value, 'v', replace(flags, erroring=True))})"


def _joined(parts: list[str], opening: str, closing: str, value: Any, flags: Flags) -> str:
    if flags.go_syntax:
        return f"{go_type(value)}{{{', '.join(parts)}}}"
    return f"{opening}{' '.join(parts)}{closing}"


def _struct(value: Any, verb: str, flags: Flags) -> str:
    parts = [
        (f"{name}:" if flags.names_fields or flags.go_syntax else "") + _any(getattr(value, attribute), verb, flags)
        for name, attribute in fields_of(value).items()
    ]
    if flags.go_syntax:
        return f"{go_type(value)}{{{', '.join(parts)}}}"
    return f"{{{' '.join(parts)}}}"


def _string(text: str, verb: str, flags: Flags) -> str | None:
    match verb:
        case "v" if flags.go_syntax:
            return _quoted(text, flags)
        case "v" | "s":
            return _truncated(text, flags)
        case "q":
            return _quoted(text if flags.precision is None else text[: flags.precision], flags)
        case "x" | "X":
            return _hexadecimal(text.encode("utf-8", "surrogateescape"), verb, flags)
        case _:
            return None


def _truncated(text: str, flags: Flags) -> str:
    return flags.padded(text if flags.precision is None else text[: flags.precision])


def _quoted(text: str, flags: Flags) -> str:
    if flags.sharp and all(character == "\t" or (character.isprintable() and character != "`") for character in text):
        return flags.padded(f"`{text}`")
    return flags.padded(_ascii(quote(text)) if flags.plus else quote(text))


def _ascii(text: str) -> str:
    return "".join(
        one if one.isascii() else f"\\u{ord(one):04x}" if ord(one) < 0x10000 else f"\\U{ord(one):08x}" for one in text
    )


def _hexadecimal(encoded: bytes, verb: str, flags: Flags) -> str:
    if flags.precision is not None:
        encoded = encoded[: flags.precision]
    if not encoded:
        return flags.padded("")
    prefix = "0x" if flags.sharp else ""
    separator = f" {prefix}" if flags.space else ""
    text = prefix + separator.join(f"{byte:02x}" for byte in encoded)
    return flags.padded(text.upper() if verb == "X" else text)


def _integer(number: int, verb: str, flags: Flags) -> str | None:  # noqa: C901 - a table of verbs
    match verb:
        case "c":
            return flags.padded(_rune(number))
        case "q":
            return flags.padded(
                _ascii(quote_character(_rune(number))) if flags.plus else quote_character(_rune(number))
            )
        case "U":
            code = f"U+{number:04X}" if flags.precision is None else f"U+{number:0{max(4, flags.precision)}X}"
            shown = f" '{_rune(number)}'" if flags.sharp and _rune(number).isprintable() else ""
            return flags.padded(code + shown, zero=False)
    if verb not in _BASES:
        return None
    sign = "-" if number < 0 else "+" if flags.plus else " " if flags.space else ""
    least = 0
    if flags.precision is not None:
        least = flags.precision
        if least == 0 and number == 0:
            return flags.padded("", zero=False)
    elif flags.zero and not flags.minus and flags.width is not None:
        least = flags.width - len(sign)
    digits = format(abs(number), _BASES[verb]).rjust(least, "0")
    if flags.sharp:
        match _BASES[verb]:
            case "b":
                digits = f"0b{digits}"
            case "o":
                digits = digits if digits.startswith("0") else f"0{digits}"
            case "x" | "X":
                digits = f"0{verb}{digits}"
    if verb == "O":
        digits = f"0o{digits}"
    return flags.padded(sign + digits, zero=False)


def _rune(number: int) -> str:
    return chr(number) if 0 <= number < 0x110000 and not 0xD800 <= number < 0xE000 else "\ufffd"


def _float(number: float, verb: str, flags: Flags) -> str | None:
    if verb not in _FLOATS:
        return None
    style, precision = _FLOATS[verb]
    if flags.precision is not None:
        precision = flags.precision
    text = float_text(number, style, precision)
    sign, digits = (text[0], text[1:]) if text[0] in "+-" else ("+", text)
    if digits in {"Inf", "NaN"}:
        shows_sign = flags.plus or flags.space or sign == "-" or (digits == "Inf")
        shown_sign = (" " if flags.space and sign == "+" and not flags.plus else sign) if shows_sign else ""
        return flags.padded(shown_sign + digits, zero=False)
    if flags.sharp and verb != "b":
        digits = _with_point(digits, verb, precision)
    if sign == "+" and not flags.plus:
        if not flags.space:
            return flags.padded(digits)
        sign = " "
    if flags.zero and not flags.minus and flags.width is not None:
        return sign + digits.rjust(flags.width - 1, "0")
    return flags.padded(sign + digits)


def _with_point(digits: str, verb: str, precision: int) -> str:
    """``%#g``: a decimal point in any case, and the zeros that were cut off."""
    missing = (6 if precision < 0 else precision) if verb in "vgGx" else 0
    marks = "pP" if verb in "xX" else "eEpP"
    cut = next((place for place, one in enumerate(digits) if one in marks), len(digits))
    number, tail = digits[:cut], digits[cut:]
    missing -= len(number.replace(".", "").lstrip("0"))
    if "." not in number:
        missing -= number == "0"
        number += "."
    return number + "0" * missing + tail
