"""The functions that every template has.

``and`` and ``or`` are named here for their signatures; ``call`` evaluates their arguments only as far as they need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sonde.telemetry.template.escapers import html_escape, js_escape, query_escape
from sonde.telemetry.template.printf import sprint_all, sprintf, sprintln
from sonde.telemetry.template.signature import function_of
from sonde.telemetry.template.source import FunctionError
from sonde.telemetry.template.values import Byte, go_type, is_true, kind_of

_BAD_COMPARISON: Final = "invalid type for comparison"
_BASIC: Final = {"bool": "bool", "int": "int", "uint": "int", "float": "float", "string": "string"}
"""Kinds that can be compared, and those with which; Go compares integers whatever their sign."""


def both(first: object, *others: object) -> Any:
    """``and``: the first argument that is empty, or the last.

    >>> both(1, "", 2)
    ''
    """
    for value in (first, *others):
        if not is_true(value):
            return value
    return others[-1] if others else first


def either(first: object, *others: object) -> Any:
    """``or``: the first argument that is not empty, or the last.

    >>> either("", 0, "x")
    'x'
    """
    for value in (first, *others):
        if is_true(value):
            return value
    return others[-1] if others else first


def negated(value: object) -> bool:
    """``not``."""
    return not is_true(value)


def equal(first: object, *others: object) -> bool:
    """``eq``: whether the first is equal to one of the others, which must be of its kind.

    >>> equal(1, 2, 1), equal("a", "b")
    (True, False)
    >>> equal(1, 1.0)
    Traceback (most recent call last):
    sonde.telemetry.template.source.FunctionError: incompatible types for comparison: int and float64
    """
    if not others:
        raise FunctionError("missing argument for comparison")
    kind = _BASIC.get(kind_of(first))
    for other in others:
        if kind != _BASIC.get(kind_of(other)):
            if first is not None and other is not None:
                raise FunctionError(f"incompatible types for comparison: {go_type(first)} and {go_type(other)}")
        elif kind is not None:
            if first == other:
                return True
        elif _equal_others(first, other):
            return True
    return False


def _equal_others(first: object, other: object) -> bool:
    if first is None or other is None:
        return first is other
    if kind_of(first) != kind_of(other):
        shown = f"{sprint_all(first)}: {go_type(first)}, {go_type(other)}: {sprint_all(other)}"
        raise FunctionError(f"non-comparable types {shown}")
    if kind_of(first) in {"slice", "map", "func"}:
        raise FunctionError(f"non-comparable type {sprint_all(other)}: {go_type(other)}")
    return type(first) is type(other) and first == other


def unequal(first: object, other: object) -> bool:
    """``ne``."""
    return not equal(first, other)


def less(first: Any, other: Any) -> bool:
    """``lt``: of numbers of one kind, or of strings.

    >>> less(1, 2), less("b", "a")
    (True, False)
    """
    kinds = [_BASIC.get(kind_of(value)) for value in (first, other)]
    if None in kinds:
        raise FunctionError(_BAD_COMPARISON)
    if kinds[0] != kinds[1]:
        raise FunctionError(f"incompatible types for comparison: {go_type(first)} and {go_type(other)}")
    if kinds[0] == "bool":
        raise FunctionError(_BAD_COMPARISON)
    return bool(first < other)


def less_or_equal(first: object, other: object) -> bool:
    """``le``."""
    return less(first, other) or equal(first, other)


def greater(first: object, other: object) -> bool:
    """``gt``, which is not ``le``: also of what is not a number."""
    return not less_or_equal(first, other)


def greater_or_equal(first: object, other: object) -> bool:
    """``ge``, which is not ``lt``."""
    return not less(first, other)


def length(item: Any) -> int:
    """``len``: of a string in bytes.

    >>> length("é"), length([1, 2])
    (2, 2)
    """
    match kind_of(item):
        case "string":
            return len(item) if item.isascii() else len(item.encode("utf-8", "surrogateescape"))
        case "slice" | "map":
            return len(item)
        case "invalid":
            raise FunctionError("len of nil pointer")
        case _:
            raise FunctionError(f"len of type {go_type(item)}")


def index(item: Any, *indexes: object) -> Any:
    """``index``: elements of lists, values of maps, bytes of strings; nothing for a key that is not there.

    >>> index({"a": [10, 20]}, "a", 1)
    20
    """
    if item is None:
        raise FunctionError("index of untyped nil")
    for one in indexes:
        item = _indexed(item, one)
    return item


def _indexed(item: Any, one: Any) -> Any:
    match kind_of(item):
        case "map":
            if one is None:
                raise FunctionError("value is nil; should be of type string")
            if kind_of(one) != "string":
                raise FunctionError(f"value has type {go_type(one)}; should be string")
            return item[one] if one in item else getattr(type(item), "ZERO", None)
        case "string":
            encoded = item.encode("utf-8", "surrogateescape")
            return Byte(encoded[_element(one, len(encoded), "string")])
        case "slice":
            return item[_element(one, len(item), "slice")]
        case "invalid":
            raise FunctionError("index of nil pointer")
        case _:
            raise FunctionError(f"can't index item of type {go_type(item)}")


def _element(one: Any, size: int, what: str) -> int:
    place = _position(one, size)
    if place == size:
        raise FunctionError(f"reflect: {what} index out of range")
    return place


def _position(one: Any, size: int) -> int:
    if one is None:
        raise FunctionError("cannot index slice/array with nil")
    if kind_of(one) not in {"int", "uint"}:
        raise FunctionError(f"cannot index slice/array with type {go_type(one)}")
    if one < 0 or one > size:
        raise FunctionError(f"index out of range: {int(one)}")
    return int(one)


def sliced(item: Any, *indexes: object) -> Any:
    """``slice``: a part of a list, or of a string in bytes.

    >>> sliced("abcdef", 1, 3), sliced([1, 2, 3], 1)
    ('bc', [2, 3])
    """
    if item is None:
        raise FunctionError("slice of untyped nil")
    if len(indexes) > 3:
        raise FunctionError(f"too many slice indexes: {len(indexes)}")
    kind = kind_of(item)
    if kind == "string" and len(indexes) == 3:
        raise FunctionError("cannot 3-index slice a string")
    if kind not in {"string", "slice"}:
        raise FunctionError(f"can't slice item of type {go_type(item)}")
    whole = item.encode("utf-8", "surrogateescape") if kind == "string" else item
    places = [_position(one, len(whole)) for one in indexes]
    start, end = (*places[:2], *(0, len(whole))[len(places[:2]) :])
    if start > end:
        raise FunctionError(f"invalid slice index: {start} > {end}")
    if len(places) == 3 and end > places[2]:
        raise FunctionError(f"invalid slice index: {end} > {places[2]}")
    part = whole[start:end]
    if kind == "string":
        return part.decode("utf-8", "surrogateescape")
    return type(item)(part) if isinstance(item, (list, tuple)) else part


def call(function: object, *arguments: object) -> Any:
    """``call``: a function that is itself a value of the data.

    >>> call(lambda name: "hello " + name, "Ada")
    'hello Ada'
    """
    return call_value("function", function, *arguments)


def call_value(name: str, function: object, *arguments: object) -> Any:
    """``call``, with the name that errors give to the function."""
    if function is None:
        raise FunctionError("call of nil")
    if kind_of(function) != "func":
        raise FunctionError(f"non-function {name} of type {go_type(function)}")
    signature = function_of(name, function)  # type: ignore[arg-type] # a func is callable
    wanted, given = len(signature.parameters), len(arguments)
    if given < wanted and signature.variadic is not None:
        raise FunctionError(f"wrong number of args for {name}: got {given} want at least {wanted}")
    if given != wanted and signature.variadic is None:
        raise FunctionError(f"wrong number of args for {name}: got {given} want {wanted}")
    for place, argument in enumerate(arguments):
        parameter = signature.parameter(place)
        if argument is None and not parameter.nilable:
            raise FunctionError(f"arg {place}: value is nil; should be of type {parameter.go_type}")
        if argument is not None and not parameter.accepts(argument):
            raise FunctionError(f"arg {place}: value has type {go_type(argument)}; should be {parameter.go_type}")
    return signature.call(*arguments)


def printed(*values: object) -> str:
    """``print``."""
    return sprint_all(*values)


BUILTINS: Final[Mapping[str, Callable[..., Any]]] = {
    "and": both,
    "call": call,
    "html": html_escape,
    "index": index,
    "slice": sliced,
    "js": js_escape,
    "len": length,
    "not": negated,
    "or": either,
    "print": printed,
    "printf": sprintf,
    "println": sprintln,
    "urlquery": query_escape,
    "eq": equal,
    "ge": greater_or_equal,
    "gt": greater,
    "le": less_or_equal,
    "lt": less,
    "ne": unequal,
}

SHORT_CIRCUITS: Final[Mapping[Callable[..., Any], bool]] = {both: False, either: True}
"""Functions that stop at the first argument with that truth."""
