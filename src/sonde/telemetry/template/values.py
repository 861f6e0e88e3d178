"""What templates can see of Python's values, and what Go would call them.

Strings, numbers, booleans, ``None``, lists and tuples, and mappings are what they look like. Any other object shows
only what its class lists: ``FIELDS`` and ``METHODS``, from the names that templates use to those of attributes. A
template never reaches an attribute that is not listed.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final, Literal

Kind = Literal["invalid", "bool", "int", "uint", "float", "string", "slice", "map", "struct", "func"]


class Struct:
    """A base for objects that templates may read; dictionaries, tuples and numbers can have the same attributes."""

    __slots__ = ()

    GO_TYPE: ClassVar[str] = "struct {}"
    """The type's name in messages and for ``%T``."""
    FIELDS: ClassVar[Mapping[str, str]] = {}
    METHODS: ClassVar[Mapping[str, str]] = {}
    """A method's parameters are typed by its annotations. One named ``String`` says how the value is printed."""
    JSON: ClassVar[Mapping[str, str]] = {}
    """The fields' names in JSON, where they are not those that templates use."""


class StringMap(dict[str, str]):
    """A map of strings to strings: with ``missing_key="zero"`` a key that is not there gives "".

    >>> go_type(StringMap()), go_type({})
    ('map[string]string', 'map[string]interface {}')
    """

    GO_TYPE: ClassVar[str] = "map[string]string"
    ZERO: ClassVar[object] = ""


class Strings(tuple[str, ...]):
    """A list of strings, as functions like ``join`` ask for.

    >>> go_type(Strings(("a", "b")))
    '[]string'
    """

    __slots__ = ()
    GO_TYPE: ClassVar[str] = "[]string"


class HTML(str):
    """Text that is HTML already; it is not escaped again."""

    __slots__ = ()
    GO_TYPE: ClassVar[str] = "template.HTML"


class URL(str):
    """A URL that is trusted, whatever its scheme."""

    __slots__ = ()
    GO_TYPE: ClassVar[str] = "template.URL"


class Byte(int):
    """A byte of a string, as ``index`` gives it."""

    GO_TYPE: ClassVar[str] = "uint8"


class _Invalid:
    """No value at all, as a missing key gives it; ``None`` is a value that is nil."""

    def __repr__(self) -> str:
        return "<no value>"


NO_VALUE: Final = _Invalid()

_KINDS: Final[dict[type, Kind]] = {
    type(None): "invalid",
    _Invalid: "invalid",
    bool: "bool",
    int: "int",
    Byte: "uint",
    float: "float",
    str: "string",
    list: "slice",
    tuple: "slice",
    dict: "map",
    types.FunctionType: "func",
    types.MethodType: "func",
    types.BuiltinFunctionType: "func",
}
_GO_TYPES: Final = {
    bool: "bool",
    int: "int",
    float: "float64",
    str: "string",
    list: "[]interface {}",
    tuple: "[]interface {}",
    dict: "map[string]interface {}",
    type(None): "<nil>",
    _Invalid: "<nil>",
}


def kind_of(value: object) -> Kind:
    """What a value is to Go.

    >>> kind_of("a"), kind_of(True), kind_of(StringMap()), kind_of(None)
    ('string', 'bool', 'map', 'invalid')
    """
    cls = type(value)
    kind = _KINDS.get(cls)
    if kind is None:
        kind = _KINDS[cls] = _kind_of_class(cls)
    return kind


def _kind_of_class(cls: type) -> Kind:
    for base in cls.__mro__:
        if base in _KINDS:
            return _KINDS[base]
    return "map" if issubclass(cls, Mapping) else "struct"


def go_type(value: object) -> str:
    """The name of a value's type, as ``%T`` has it.

    >>> go_type(1), go_type(1.5), go_type(["a"])
    ('int', 'float64', '[]interface {}')
    """
    return go_type_of(type(value))


def go_type_of(cls: type) -> str:
    """The name of a class's type."""
    named = getattr(cls, "GO_TYPE", None)
    if named is not None:
        return str(named)
    for base in cls.__mro__:
        if base in _GO_TYPES:
            return _GO_TYPES[base]
    return {"func": "func()", "map": "map[string]interface {}"}.get(_kind_of_class(cls), "struct {}")


def methods_of(value: object) -> Mapping[str, str]:
    """The methods that a template may call."""
    return getattr(type(value), "METHODS", {})


def fields_of(value: object) -> Mapping[str, str]:
    """The fields that a template may read."""
    return getattr(type(value), "FIELDS", {})


def own_text(value: object) -> str | None:
    """What a value's ``String`` method says, if it has one."""
    name = methods_of(value).get("String")
    if name is None:
        return None
    method: Callable[[], str] = getattr(value, name)
    return method()


def is_true(value: object) -> bool:
    """Whether ``if`` takes its first branch: not false, 0, "", nil, nor empty.

    >>> [is_true(value) for value in ("", "0", 0, 0.5, [], None)]
    [False, True, False, True, False, False]
    """
    kind = kind_of(value)
    return kind in {"struct", "func"} or (kind != "invalid" and bool(value))


def sorted_items(mapping: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """The pairs of a map in the order in which Go prints them and ``range`` visits them: of their keys.

    >>> sorted_items({"b": 1, "a": 2})
    [('a', 2), ('b', 1)]
    """
    return sorted(mapping.items(), key=_order)


def _order(pair: tuple[Any, Any]) -> tuple[str, Any]:
    key = pair[0]
    if isinstance(key, str):
        # By bytes, which is by code points but for the surrogates that stand for broken ones.
        return "string", key.encode("utf-8", "surrogateescape")
    return kind_of(key), key
