"""A syntax tree as text again, as errors show it: ``executing "x" at <.Labels.job>``."""

from __future__ import annotations

from sonde.telemetry.quoting import quote
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


def text_of(node: Node | NodeList | Operand | Command) -> str:  # noqa: C901, PLR0912 - a table of nodes
    """The text of a node.

    >>> text_of(Field(0, ("Labels", "job")))
    '.Labels.job'
    """
    match node:
        case Text(_, text):
            return text
        case Dot():
            return "."
        case Nil():
            return "nil"
        case Bool(_, value):
            return "true" if value else "false"
        case Number(_, written) | String(_, written):
            return written
        case Identifier(_, name):
            return name
        case Field(_, names):
            return "".join(f".{name}" for name in names)
        case Variable(_, name, fields):
            return ".".join((name, *fields))
        case Chain(_, operand, fields):
            inner = text_of(operand)
            return (f"({inner})" if isinstance(operand, Pipe) else inner) + "".join(f".{name}" for name in fields)
        case Command(_, operands):
            return " ".join(f"({text_of(one)})" if isinstance(one, Pipe) else text_of(one) for one in operands)
        case Pipe():
            return _pipe(node)
        case Action(_, pipe):
            return f"{{{{{text_of(pipe)}}}}}"
        case NodeList(_, nodes):
            return "".join(text_of(child) for child in nodes)
        case If() | With() | Range():
            return _control(node)
        case Break():
            return "{{break}}"
        case Continue():
            return "{{continue}}"
        case TemplateCall(_, name, pipe):
            return f"{{{{template {quote(name)}{'' if pipe is None else ' ' + text_of(pipe)}}}}}"


def _pipe(pipe: Pipe) -> str:
    commands = " | ".join(text_of(command) for command in pipe.commands)
    if not pipe.variables:
        return commands
    return f"{', '.join(text_of(one) for one in pipe.variables)} {'=' if pipe.assigns else ':='} {commands}"


def _control(node: If | With | Range) -> str:
    word = {If: "if", With: "with", Range: "range"}[type(node)]
    otherwise = "" if node.otherwise is None else f"{{{{else}}}}{text_of(node.otherwise)}"
    return f"{{{{{word} {text_of(node.pipe)}}}}}{text_of(node.body)}{otherwise}{{{{end}}}}"
