"""The syntax tree of a template: what ``parser`` makes, ``escape`` rewrites, ``printer`` shows and ``compile`` reads.

A ``position`` is an index into the source's text, at the place that Go names in its errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Text:
    """What stands between actions."""

    position: int
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """The cursor: ``.``."""

    position: int


@dataclass(frozen=True, slots=True)
class Nil:
    """The word ``nil``."""

    position: int


@dataclass(frozen=True, slots=True)
class Bool:
    """``true`` or ``false``."""

    position: int
    value: bool


@dataclass(frozen=True, slots=True)
class Number:
    """A number, and as what it may be taken: ``1`` as an int or a float, ``1.5`` as a float only."""

    position: int
    written: str
    integer: int | None
    decimal: float | None

    @property
    def ideal(self) -> int | float | None:
        """The value where no type asks for another; ``None`` for what no int holds."""
        hexadecimal = self.written[:2].lower() == "0x" and "p" not in self.written.lower()
        if self.decimal is not None and not hexadecimal and self.written[0] != "'" and set(self.written) & set(".eEpP"):
            return self.decimal
        return self.integer if self.integer is not None and -(2**63) <= self.integer < 2**63 else None


@dataclass(frozen=True, slots=True)
class String:
    """A string literal, as written and as meant."""

    position: int
    quoted: str
    value: str


@dataclass(frozen=True, slots=True)
class Identifier:
    """A function's name."""

    position: int
    name: str


@dataclass(frozen=True, slots=True)
class Field:
    """``.Labels.job``: fields, keys or methods, beginning at the cursor."""

    position: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """``$x.Labels.job``: a variable, and fields of it."""

    position: int
    name: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """``(pipeline).Labels.job``: fields of what something gives."""

    position: int
    operand: Operand
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """Operands: a function or method with its arguments, or one value."""

    position: int
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands, each handing its value to the next as its last argument; and the variables that get the result."""

    position: int
    commands: tuple[Command, ...]
    variables: tuple[Variable, ...] = ()
    assigns: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """``{{ pipeline }}``: the value is printed, unless it is declared or assigned."""

    position: int
    pipe: Pipe


@dataclass(frozen=True, slots=True)
class NodeList:
    """Nodes, one after the other."""

    position: int
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class If:
    """``{{ if }}``."""

    position: int
    pipe: Pipe
    body: NodeList
    otherwise: NodeList | None


@dataclass(frozen=True, slots=True)
class With:
    """``{{ with }}``: an ``if`` that moves the cursor."""

    position: int
    pipe: Pipe
    body: NodeList
    otherwise: NodeList | None


@dataclass(frozen=True, slots=True)
class Range:
    """``{{ range }}``: the body once for each element."""

    position: int
    pipe: Pipe
    body: NodeList
    otherwise: NodeList | None


@dataclass(frozen=True, slots=True)
class Break:
    """Leaves the innermost ``range``."""

    position: int


@dataclass(frozen=True, slots=True)
class Continue:
    """Goes to the next element of the innermost ``range``."""

    position: int


@dataclass(frozen=True, slots=True)
class TemplateCall:
    """``{{ template "name" pipeline }}``: another template here, with its own cursor and no variables of ours."""

    position: int
    name: str
    pipe: Pipe | None


Operand: TypeAlias = Dot | Nil | Bool | Number | String | Identifier | Field | Variable | Chain | Pipe
Control: TypeAlias = If | With | Range
Node: TypeAlias = Text | Action | If | With | Range | Break | Continue | TemplateCall


def is_empty(body: NodeList) -> bool:
    """Whether a template is of nothing but space, so that it does not count as a definition."""
    return all(isinstance(node, Text) and not node.text.strip(" \t\r\n\v\f\x85\xa0") for node in body.nodes)
