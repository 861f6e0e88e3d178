"""One execution of a template: what it has written, where it is, and how much it may still do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeAlias

from sonde.errors import UserError
from sonde.telemetry.quoting import quote
from sonde.telemetry.template.ast import Command, Node, NodeList, Operand
from sonde.telemetry.template.limits import Limits
from sonde.telemetry.template.printer import text_of
from sonde.telemetry.template.signature import Function, Parameter
from sonde.telemetry.template.source import FunctionError, Source, TemplateError
from sonde.telemetry.template.values import NO_VALUE, go_type

Frame: TypeAlias = list[Any]
"""The variables of a template, ``$`` first."""
Step: TypeAlias = "Callable[[State, Frame, Any], None]"


@dataclass(frozen=True, slots=True)
class Program:
    """A template that is ready to be executed."""

    name: str
    source: Source
    run: Step
    slots: int
    """How many variables it has."""


class State:
    """What an execution knows. ``node`` is what it is at, for errors."""

    __slots__ = ("_depth", "_length", "_limits", "_out", "_programs", "_steps", "missing_key", "node", "program")

    def __init__(
        self,
        programs: Callable[[str], Program | None],
        missing_key: Literal["default", "zero", "error"],
        limits: Limits,
    ) -> None:
        self.missing_key = missing_key
        self._programs = programs
        self._limits = limits
        self._steps = limits.steps
        self._depth = 0
        self._length = 0
        self._out: list[str] = []
        self.node: Node | NodeList | Operand | Command | None = None
        self.program: Program

    def execute(self, program: Program, data: object) -> str:
        """The text of a template.

        Raises:
            TemplateError: It could not be executed.
        """
        self.program = program
        dot = NO_VALUE if data is None else data
        try:
            program.run(self, [dot] + [NO_VALUE] * program.slots, dot)
        except RecursionError:
            self.fail(f"exceeded maximum template depth ({self._limits.depth})", code="template.limit")
        return "".join(self._out)

    def program_of(self, name: str) -> Program:
        """The template to execute at this place."""
        program = self._programs(name)
        if program is None:
            self.fail(f"template {quote(name)} not defined")
        if self._depth >= self._limits.depth:
            self.fail(f"exceeded maximum template depth ({self._limits.depth})", code="template.limit")
        return program

    def include(self, program: Program, dot: Any) -> None:
        """Execute another template at this place."""
        caller, self.program = self.program, program
        self._depth += 1
        program.run(self, [dot] + [NO_VALUE] * program.slots, dot)
        self._depth -= 1
        self.program = caller

    def write(self, text: str) -> None:
        """Add to the output."""
        self._length += len(text)
        if self._length > self._limits.characters:
            self.fail(f"output is longer than {self._limits.characters} characters", code="template.limit")
        self._out.append(text)

    def charge(self, steps: int) -> None:
        """Count what is about to be done."""
        self._steps -= steps
        if self._steps < 0:
            self.fail(f"template took more than {self._limits.steps} steps", code="template.limit")

    def call(self, function: Function, arguments: list[Any], at: Node | Operand | Command) -> Any:
        """Call a function or method with arguments that fit."""
        try:
            result = function.call(*arguments)
        except (FunctionError, UserError) as error:
            if isinstance(error, TemplateError):
                raise
            self.node = at
            message = error.message if isinstance(error, UserError) else str(error)
            self.fail(f"error calling {function.name}: {message}")
        if type(result) is str and len(result) > self._limits.characters:
            self.node = at
            self.fail(f"string is longer than {self._limits.characters} characters", code="template.limit")
        return result

    def checked(self, value: Any, parameter: Parameter) -> Any:
        """The value as an argument of that type."""
        if value is NO_VALUE or value is None:
            if parameter.nilable:
                return None
            self.fail(f"invalid value; expected {parameter.go_type}")
        if not parameter.accepts(value):
            self.fail(f"wrong type for value; expected {parameter.go_type}; got {go_type(value)}")
        return value

    def fail(self, message: str, *, code: str = "template.execute") -> NoReturn:
        """Stop, and say where.

        Raises:
            TemplateError: Always.
        """
        name, source = self.program.name, self.program.source
        if self.node is None:
            raise TemplateError(f"template: {name}: {message}", code=code)
        line, column = source.place_of(self.node.position)
        where = f"{source.name}:{line}:{column}: executing {quote(name)} at <{text_of(self.node)}>"
        raise TemplateError(f"template: {where}: {message}", code=code, position=(line, column + 1))
