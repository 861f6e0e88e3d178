"""What functions and methods ask of their arguments: Go's types, read from Python's annotations."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sonde.telemetry.template.values import go_type_of

_SIMPLE: Final[dict[Any, tuple[str, str]]] = {
    str: ("string", "string"),
    int: ("int", "int"),
    float: ("float", "float64"),
    bool: ("bool", "bool"),
    object: ("any", "interface {}"),
    Any: ("any", "interface {}"),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """The type of an argument. Of an ``any``, everything is one."""

    kind: str
    go_type: str
    cls: type | None = None

    def accepts(self, value: object) -> bool:
        """Whether the value can be given as it is; Go converts nothing.

        >>> Parameter("float", "float64", float).accepts(1)
        False
        """
        if self.cls is None:
            return True
        if type(value) is self.cls:
            return True
        if self.kind == "object":
            return isinstance(value, self.cls)
        # A type of its own name is not the type that it is made of; Python's subclasses without one are.
        return (
            isinstance(value, self.cls)
            and not hasattr(type(value), "GO_TYPE")
            and (self.cls is not int or not isinstance(value, bool))
        )

    def converted(self, literal: Any) -> Any:
        """A literal as a value of this type, of whose kind it is."""
        return literal if self.cls is None or self.cls in _SIMPLE else self.cls(literal)

    @property
    def nilable(self) -> bool:
        """Whether nil can be given."""
        return self.kind == "any" or self.go_type.startswith(("[]", "map[", "*"))


ANYTHING: Final = Parameter("any", "interface {}")


@dataclass(frozen=True, slots=True)
class Function:
    """Something that templates can call."""

    name: str
    call: Callable[..., Any]
    parameters: tuple[Parameter, ...]
    variadic: Parameter | None = None

    def parameter(self, index: int) -> Parameter:
        """The type of the argument at an index that the function accepts."""
        if index < len(self.parameters):
            return self.parameters[index]
        return self.variadic or ANYTHING


def function_of(name: str, call: Callable[..., Any]) -> Function:
    """Read a signature from annotations; what has none takes anything.

    >>> def shout(text: str, *more: int) -> str: ...
    >>> [one.go_type for one in function_of("shout", shout).parameters], function_of("shout", shout).variadic.go_type
    (['string'], 'int')
    """
    fixed, variadic = _parameters(call)
    owner = getattr(call, "__objclass__", None)
    if owner is not None and fixed:  # str.upper and the like: what they are methods of is their first argument
        fixed = (_parameter(owner), *fixed[1:])
    return Function(name, call, fixed, variadic)


@functools.lru_cache(maxsize=1024)
def method_of(cls: type, name: str, attribute: str) -> Function:
    """The method of a class, whose first argument is the object itself."""
    call = getattr(cls, attribute)
    fixed, variadic = _parameters(call)
    return Function(name, call, fixed[1:], variadic)


def _parameters(call: Callable[..., Any]) -> tuple[tuple[Parameter, ...], Parameter | None]:
    annotations = typing.get_type_hints(call) if hasattr(call, "__annotations__") else {}
    fixed: list[Parameter] = []
    variadic: Parameter | None = None
    for one in inspect.signature(call).parameters.values():
        parameter = _parameter(annotations.get(one.name, object))
        if one.kind is inspect.Parameter.VAR_POSITIONAL:
            variadic = parameter
        elif one.default is inspect.Parameter.empty and one.kind is not inspect.Parameter.KEYWORD_ONLY:
            fixed.append(parameter)
    return tuple(fixed), variadic


def _parameter(annotation: Any) -> Parameter:
    if annotation in _SIMPLE:
        kind, go_type = _SIMPLE[annotation]
        return Parameter(kind, go_type, None if kind == "any" else annotation)
    if isinstance(annotation, type):
        kind = "int" if issubclass(annotation, int) else "object"
        return Parameter(kind, go_type_of(annotation), annotation)
    return ANYTHING
