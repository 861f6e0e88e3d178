"""Operands, arguments and calls as Python functions: what ``compile`` builds pipelines from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

from sonde.telemetry.quoting import quote
from sonde.telemetry.template.ast import Bool, Chain, Command, Field, Identifier, Nil, Number, Operand, String, Variable
from sonde.telemetry.template.functions import SHORT_CIRCUITS, call, call_value
from sonde.telemetry.template.printer import text_of
from sonde.telemetry.template.signature import ANYTHING, Function, Parameter, method_of
from sonde.telemetry.template.state import Frame, State
from sonde.telemetry.template.values import NO_VALUE, fields_of, go_type, is_true, kind_of, methods_of

Value: TypeAlias = Callable[[State, Frame, Any], Any]
Argument: TypeAlias = Callable[[State, Frame, Any, Parameter], Any]
Staged: TypeAlias = Callable[[State, Frame, Any, Any], Any]
"""A command; its last parameter is what the command before it in the pipeline gave, or ``NOTHING``."""

NOTHING: Final = object()


def ideal(number: Number) -> Value:
    """A number where no type is asked for."""
    value = number.ideal

    def run(state: State, _frame: Frame, _dot: Any) -> Any:
        state.node = number
        if value is None:
            state.fail(f"{number.written} overflows int")
        return value

    return run


def nil(operand: Nil) -> Argument:
    """``nil`` as an argument."""

    def run(state: State, _frame: Frame, _dot: Any, parameter: Parameter) -> Any:
        state.node = operand
        if not parameter.nilable:
            state.fail(f"cannot assign nil to {parameter.go_type}")
        return None

    return run


def literal(operand: Bool | String | Number) -> Argument:
    """A literal takes the type that is asked for, if it can."""
    values: dict[str, Any] = {}
    match operand:
        case Bool(_, value):
            values = {"any": value, "bool": value}
        case String(_, _, value):
            values = {"any": value, "string": value}
        case Number():
            values = {"any": operand.ideal, "int": operand.integer, "float": operand.decimal}
    expected = {"bool": "bool", "string": "string", "int": "integer", "float": "float"}

    def run(state: State, _frame: Frame, _dot: Any, parameter: Parameter) -> Any:
        state.node = operand
        value = values.get(parameter.kind)
        if value is not None:
            return parameter.converted(value)
        if parameter.kind == "any":
            state.fail(f"{text_of(operand)} overflows int")
        if parameter.kind in expected:
            state.fail(f"expected {expected[parameter.kind]}; found {text_of(operand)}")
        return state.fail(f"can't handle {text_of(operand)} for arg of type {parameter.go_type}")

    return run


def field_chain(
    node: Field | Variable | Chain,
    base: Value | None,
    names: tuple[str, ...],
    arguments: tuple[Argument, ...],
    explicit: Operand | None = None,
) -> Staged:
    """``.A.B.C argument``: the arguments are for the last."""
    *path, last = names

    def run(state: State, frame: Frame, dot: Any, final: Any) -> Any:
        state.node = node
        if isinstance(explicit, Nil):
            state.fail(f"indirection through explicit nil in {text_of(node)}")
        receiver = dot if base is None else base(state, frame, dot)
        container: Any = None
        for name in path:
            container, receiver = receiver, _field(state, frame, dot, node, receiver, name, (), NOTHING, container)
        return _field(state, frame, dot, node, receiver, last, arguments, final, container)

    return run


def _field(
    state: State,
    frame: Frame,
    dot: Any,
    node: Field | Variable | Chain,
    receiver: Any,
    name: str,
    arguments: tuple[Argument, ...],
    final: Any,
    container: Any,
) -> Any:
    """One field, key or method of a value, which itself came from the container."""
    if receiver is NO_VALUE:
        if state.missing_key == "error":
            state.fail(f"nil data; no entry for key {quote(name)}")
        return NO_VALUE
    if receiver is None:
        state.fail(f"nil pointer evaluating interface {{}}.{name}")
    attribute = methods_of(receiver).get(name)
    if attribute is not None:
        method = method_of(receiver.__class__, name, attribute)
        given = _arguments(state, frame, dot, method, arguments, final)
        return state.call(method, [receiver, *given], node)
    has_arguments = bool(arguments) or final is not NOTHING
    attribute = fields_of(receiver).get(name)
    if attribute is not None:
        if has_arguments:
            state.fail(f"{name} has arguments but cannot be invoked as function")
        return getattr(receiver, attribute)
    if kind_of(receiver) == "map":
        if has_arguments:
            state.fail(f"{name} is not a method but has arguments")
        return receiver[name] if name in receiver else _missing(state, receiver, name)
    shown = "interface {}" if type(container) is dict else go_type(receiver)
    return state.fail(f"can't evaluate field {name} in type {shown}")


def _missing(state: State, receiver: Mapping[str, Any], name: str) -> Any:
    match state.missing_key:
        case "default":
            return NO_VALUE
        case "zero":
            return getattr(type(receiver), "ZERO", None)
        case "error":
            return state.fail(f"map has no entry for key {quote(name)}")


def function_call(
    identifier: Identifier,
    node: Command | Identifier,
    function: Function,
    arguments: tuple[Argument, ...],
    operands: list[Operand],
) -> Staged:
    """``f argument``: a function with its arguments."""
    stops_at = SHORT_CIRCUITS.get(function.call)
    if stops_at is not None:
        return _short_circuit(identifier, function, arguments, stops_at=stops_at)
    if function.call is call:
        return _value_call(identifier, node, function, arguments, operands)

    def run(state: State, frame: Frame, dot: Any, final: Any) -> Any:
        state.node = identifier
        return state.call(function, _arguments(state, frame, dot, function, arguments, final), node)

    return run


def _value_call(
    identifier: Identifier,
    node: Command | Identifier,
    function: Function,
    arguments: tuple[Argument, ...],
    operands: list[Operand],
) -> Staged:
    """``call .F 1``: the function is a value, and errors speak of it as it is written."""
    named = replace(function, call=call_value)

    def run(state: State, frame: Frame, dot: Any, final: Any) -> Any:
        state.node = identifier
        given = _arguments(state, frame, dot, function, arguments, final)
        name = text_of(operands[0]) if operands else final if type(final) is str else f"<{go_type(final)} Value>"
        return state.call(named, [name, *given], node)

    return run


def _short_circuit(
    identifier: Identifier, function: Function, arguments: tuple[Argument, ...], *, stops_at: bool
) -> Staged:
    """``and`` and ``or``: they evaluate no more than they need."""

    def run(state: State, frame: Frame, dot: Any, final: Any) -> Any:
        state.node = identifier
        _check_count(state, function, len(arguments), len(arguments) + (final is not NOTHING))
        value: Any = None
        for argument in arguments:
            value = argument(state, frame, dot, ANYTHING)
            if is_true(value) is stops_at:
                return value
        return value if final is NOTHING else final

    return run


def _check_count(state: State, function: Function, written: int, given: int) -> None:
    wanted = len(function.parameters)
    if function.variadic is not None:
        if given < wanted:
            state.fail(f"wrong number of args for {function.name}: want at least {wanted} got {written}")
    elif given != wanted:
        state.fail(f"wrong number of args for {function.name}: want {wanted} got {given}")


def _arguments(
    state: State, frame: Frame, dot: Any, function: Function, arguments: tuple[Argument, ...], final: Any
) -> list[Any]:
    written = len(arguments)
    _check_count(state, function, written, written + (final is not NOTHING))
    values = [argument(state, frame, dot, function.parameter(index)) for index, argument in enumerate(arguments)]
    if final is not NOTHING:
        values.append(state.checked(final, function.parameter(written)))
    return values
