"""Turns a syntax tree into nested Python functions, so that a template that is executed often is walked only once.

The order of things, and what is checked when, is that of Go's ``text/template``: of two faults it names the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sonde.telemetry.template.ast import (
    Action,
    Bool,
    Break,
    Chain,
    Command,
    Continue,
    Dot,
    Field,
    Identifier,
    If,
    Nil,
    Node,
    NodeList,
    Number,
    Operand,
    Pipe,
    Range,
    String,
    TemplateCall,
    Text,
    Variable,
    With,
)
from sonde.telemetry.template.call import (
    NOTHING,
    Argument,
    Staged,
    Value,
    field_chain,
    function_call,
    ideal,
    literal,
    nil,
)
from sonde.telemetry.template.parser import Tree
from sonde.telemetry.template.printer import text_of
from sonde.telemetry.template.printf import sprint
from sonde.telemetry.template.signature import Function, Parameter
from sonde.telemetry.template.state import Frame, Program, State, Step
from sonde.telemetry.template.values import NO_VALUE, go_type, is_true, kind_of, sorted_items


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


def compile_tree(tree: Tree, functions: Mapping[str, Function]) -> Program:
    """Make a template executable. The functions are those that it was parsed with."""
    compiler = _Compiler(functions)
    run = compiler.node_list(tree.body)
    return Program(tree.name, tree.source, run, compiler.slots)


class _Compiler:
    def __init__(self, functions: Mapping[str, Function]) -> None:
        self.functions = functions
        self.names = ["$"]
        """The variables that are known here; their places in this list are their places in the frame."""
        self.slots = 0

    def declare(self, name: str) -> int:
        self.names.append(name)
        self.slots = max(self.slots, len(self.names) - 1)
        return len(self.names) - 1

    def slot(self, name: str) -> int | None:
        """Where a variable is; only an assignment can name one that is not known here."""
        return len(self.names) - 1 - self.names[::-1].index(name) if name in self.names else None

    # Nodes

    def node_list(self, nodes: NodeList) -> Step:
        steps = tuple(self.node(node) for node in nodes.nodes)
        if len(steps) == 1:
            only = steps[0]

            def run_one(state: State, frame: Frame, dot: Any) -> None:
                state.charge(1)
                only(state, frame, dot)

            return run_one
        cost = max(1, len(steps))

        def run(state: State, frame: Frame, dot: Any) -> None:
            state.charge(cost)
            for step in steps:
                step(state, frame, dot)

        return run

    def node(self, node: Node) -> Step:
        match node:
            case Text(_, text):
                return lambda state, _frame, _dot: state.write(text)
            case Action():
                return self.action(node)
            case If() | With():
                return self.conditional(node)
            case Range():
                return self.range(node)
            case TemplateCall():
                return self.template_call(node)
            case Break():
                return _leave
            case Continue():
                return _go_on

    def action(self, node: Action) -> Step:
        pipe = self.pipe(node.pipe)
        if node.pipe.variables:
            return pipe

        def run(state: State, frame: Frame, dot: Any) -> None:
            value = pipe(state, frame, dot)
            if type(value) is str:
                state.write(value)
                return
            state.node = node
            if kind_of(value) == "func":
                state.fail(f"can't print {text_of(node)} of type {go_type(value)}")
            state.write("<no value>" if value is NO_VALUE else sprint(value))

        return run

    def conditional(self, node: If | With) -> Step:
        known = len(self.names)
        pipe, body = self.pipe(node.pipe), self.node_list(node.body)
        otherwise = None if node.otherwise is None else self.node_list(node.otherwise)
        del self.names[known:]
        moves = isinstance(node, With)

        def run(state: State, frame: Frame, dot: Any) -> None:
            value = pipe(state, frame, dot)
            if is_true(value):
                body(state, frame, value if moves else dot)
            elif otherwise is not None:
                otherwise(state, frame, dot)

        return run

    def range(self, node: Range) -> Step:
        known = len(self.names)
        pipe = self.pipe(node.pipe)
        slots = [self.slot(variable.name) for variable in node.pipe.variables]
        body = self.node_list(node.body)
        otherwise = None if node.otherwise is None else self.node_list(node.otherwise)
        del self.names[known:]
        element_slot = slots[-1] if slots else None
        index_slot = slots[0] if len(slots) == 2 else None

        def run(state: State, frame: Frame, dot: Any) -> None:
            state.node = node
            value = pipe(state, frame, dot)
            turned = False
            try:
                for index, element in _elements(state, value, len(slots)):
                    turned = True
                    if element_slot is not None:
                        frame[element_slot] = element
                    if index_slot is not None:
                        frame[index_slot] = index
                    try:
                        body(state, frame, element)
                    except _Continue:
                        continue
            except _Break:
                return
            if not turned and otherwise is not None:
                otherwise(state, frame, dot)

        return run

    def template_call(self, node: TemplateCall) -> Step:
        pipe = None if node.pipe is None else self.pipe(node.pipe)
        name = node.name

        def run(state: State, frame: Frame, dot: Any) -> None:
            state.node = node
            program = state.program_of(name)
            state.include(program, NO_VALUE if pipe is None else pipe(state, frame, dot))

        return run

    # Pipelines

    def pipe(self, pipe: Pipe) -> Value:
        first, *others = (self.command(command) for command in pipe.commands)
        slots = [(self.slot(one.name) if pipe.assigns else self.declare(one.name), one.name) for one in pipe.variables]

        def run(state: State, frame: Frame, dot: Any) -> Any:
            state.node = pipe
            value = first(state, frame, dot, NOTHING)
            if value is None:
                value = NO_VALUE
            for command in others:
                value = command(state, frame, dot, value)
                if value is None:
                    value = NO_VALUE
            for slot, name in slots:
                if slot is None:
                    state.fail(f"undefined variable: {name}")
                frame[slot] = value
            return value

        return run

    def command(self, command: Command) -> Staged:
        word, *rest = command.operands
        arguments = tuple(self.argument(operand) for operand in rest)
        match word:
            case Field(_, names):
                return field_chain(word, None, names, arguments)
            case Variable(_, name, fields) if fields:
                return field_chain(word, self.variable(name), fields, arguments)
            case Chain(_, operand, fields):
                return field_chain(word, self.operand(operand), fields, arguments, explicit=operand)
            case Identifier(_, name):
                return function_call(word, command, self.functions[name], arguments, rest)
        value = self.operand(word)
        is_nil = isinstance(word, Nil)
        evaluates_later = isinstance(word, Pipe)

        def run(state: State, frame: Frame, dot: Any, final: Any) -> Any:
            if not evaluates_later:
                state.node = word
            if arguments or final is not NOTHING:
                state.fail(f"can't give argument to non-function {text_of(word)}")
            if is_nil:
                state.fail("nil is not a command")
            return value(state, frame, dot)

        return run

    def variable(self, name: str) -> Value:
        slot = self.slot(name)
        if slot is None:
            return lambda state, _frame, _dot: state.fail(f"undefined variable: {name}")
        return lambda _state, frame, _dot: frame[slot]

    def operand(self, operand: Operand) -> Value:
        """The value of an operand that no type is asked of."""
        match operand:
            case Dot():
                return lambda _state, _frame, dot: dot
            case Nil():
                return lambda _state, _frame, _dot: None
            case Bool(_, value) | String(_, _, value):
                return lambda _state, _frame, _dot: value
            case Number():
                return ideal(operand)
            case Pipe():
                return self.pipe(operand)
            case Variable(_, name, ()):
                return self.variable(name)
            case Identifier(_, name):
                command = function_call(operand, operand, self.functions[name], (), [])
            case _:
                command = self.command(Command(operand.position, (operand,)))
        return lambda state, frame, dot: command(state, frame, dot, NOTHING)

    def argument(self, operand: Operand) -> Argument:
        """The value of an operand as an argument."""
        match operand:
            case Nil():
                return nil(operand)
            case Bool() | String() | Number():
                return literal(operand)
        value = self.operand(operand)

        def run(state: State, frame: Frame, dot: Any, parameter: Parameter) -> Any:
            state.node = operand
            return state.checked(value(state, frame, dot), parameter)

        return run


def _leave(_state: State, _frame: Frame, _dot: Any) -> None:
    raise _Break


def _go_on(_state: State, _frame: Frame, _dot: Any) -> None:
    raise _Continue


def _elements(state: State, value: Any, variables: int) -> Any:
    """The pairs that ``range`` visits."""
    match kind_of(value):
        case "slice":
            return enumerate(value)
        case "map":
            return sorted_items(value)
        case "invalid":
            return ()
        case "int" | "uint":
            if variables > 1:
                state.fail(f"can't use {sprint(value)} to iterate over more than one variable")
            return ((NO_VALUE, number) for number in range(value))
        case _:
            return state.fail(f"range can't iterate over {sprint(value)}")
