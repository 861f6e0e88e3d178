"""Reads a template: text in, out its syntax tree and those of the templates that it defines. ``compile`` takes it on.

What is wrong is said in the words and with the line of Go's ``text/template``.

Language: https://pkg.go.dev/text/template
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NoReturn

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
    is_empty,
)
from sonde.telemetry.template.lexer import Token, tokens_of
from sonde.telemetry.template.number import read_number, read_string
from sonde.telemetry.template.printer import text_of
from sonde.telemetry.template.source import Source

MAX_BYTES: Final = 1 << 20
"""How long a template's text is at most."""
MAX_NESTING: Final = 60
"""How deep blocks and parentheses nest at most: passes over the tree are recursive."""

_OPERANDS: Final = frozenset(
    {"bool", "character", "dot", "field", "identifier", "number", "nil", "raw", "string", "variable", "("}
)
_CONTROLS: Final[dict[str, type[If | With | Range]]] = {"if": If, "with": With, "range": Range}
_VALUES: Final = (Bool, Dot, Nil, Number, String)
"""Operands that nobody can call."""


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A template that can be executed: its name, the text it comes from, and what it says. Equal only to itself."""

    name: str
    source: Source
    body: NodeList


@dataclass(frozen=True, slots=True)
class _End:
    """``{{ end }}`` or ``{{ else }}``, where a list of nodes stops."""

    position: int
    word: str


def parse_trees(text: str, *, name: str, functions: Collection[str]) -> dict[str, Tree]:
    """Read a template; the answer has it, under its name, and each template that it defines.

    >>> sorted(parse_trees('{{ define "greeting" }}hello{{ end }}', name="mail", functions=()))
    ['greeting', 'mail']

    Raises:
        TemplateError: It is none.
    """
    return _Parser(Source(name, text), functions).whole()


class _Parser:
    def __init__(self, source: Source, functions: Collection[str]) -> None:
        self.source = source
        self.functions = functions
        self.trees: dict[str, Tree] = {}
        self.variables = ["$"]
        self.ranges = 0
        self.nesting = 0
        self.action_line = 0
        self.index = 0
        self.furthest = 0
        self.tokens = [Token("EOF", "EOF", 0, 1)]
        if len(source.text) > MAX_BYTES:
            self.fail(f"template is longer than {MAX_BYTES} characters")
        self.tokens = tokens_of(source.text, functions=functions)

    # Tokens

    def take(self) -> Token:
        token = self.tokens[self.index]
        self.furthest = max(self.furthest, self.index)
        if token.kind not in {"EOF", "error"}:
            self.index += 1
        return token

    def peek(self) -> Token:
        self.furthest = max(self.furthest, self.index)
        return self.tokens[self.index]

    def take_solid(self) -> Token:
        """The next token that is not space."""
        while (token := self.take()).kind == "space":
            pass
        return token

    def peek_solid(self) -> Token:
        while self.peek().kind == "space":
            self.take()
        return self.peek()

    def expect(self, kind: str, context: str) -> Token:
        token = self.take_solid()
        if token.kind != kind:
            self.unexpected(token, context)
        return token

    def fail(self, message: str, at: Token | None = None) -> NoReturn:
        """Say what is wrong, on the line where reading stopped, as Go does; ``at`` is the place for an editor."""
        last = self.tokens[self.furthest]
        raise self.source.parse_error(message, line=last.line, position=(at or last).position)

    def unexpected(self, token: Token, context: str) -> NoReturn:
        if token.kind != "error":
            self.fail(f"unexpected {token} in {context}")
        started = ""
        if self.action_line not in {0, token.line}:
            started = f" in action started at {self.source.name}:{self.action_line}"
            if token.text.endswith(" action"):
                started = started.removeprefix(" in action")
        self.fail(f"{token}{started}")

    # Templates

    def whole(self) -> dict[str, Tree]:
        start = self.peek().position
        nodes: list[Node] = []
        while self.peek().kind != "EOF":
            if self.peek().kind == "{{":
                before = self.index
                self.take()
                if self.take_solid().kind == "define":
                    self.definition()
                    continue
                self.index = before
            node = self.text_or_action()
            if isinstance(node, _End):
                self.fail(f"unexpected {{{{{node.word}}}}}")
            nodes.append(node)
        self.add(self.source.name, NodeList(start, tuple(nodes)))
        return self.trees

    def definition(self) -> None:
        context = "define clause"
        name = self.template_name(self.take_solid(), context)
        self.expect("}}", context)
        self.add(name, self.separate_body(context))

    def separate_body(self, context: str) -> NodeList:
        """The body of another template: it sees none of our variables, and no ``range`` of ours."""
        outer = self.variables, self.ranges, self.action_line
        self.variables, self.ranges, self.action_line = ["$"], 0, 0
        body, end = self.node_list()
        if end.word != "end":
            self.fail(f"unexpected {{{{{end.word}}}}} in {context}")
        self.variables, self.ranges, self.action_line = outer
        return body

    def add(self, name: str, body: NodeList) -> None:
        known = self.trees.get(name)
        if known is None or is_empty(known.body):
            self.trees[name] = Tree(name, self.source, body)
        elif not is_empty(body):
            self.fail(f"template: multiple definition of template {quote(name)}")

    def template_name(self, token: Token, context: str) -> str:
        if token.kind not in {"string", "raw"}:
            self.unexpected(token, context)
        return self.string(token).value

    # Nodes

    def node_list(self) -> tuple[NodeList, _End]:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            self.fail(f"blocks are nested too deeply, more than {MAX_NESTING} levels")
        start = self.peek_solid().position
        nodes: list[Node] = []
        while self.peek_solid().kind != "EOF":
            node = self.text_or_action()
            if isinstance(node, _End):
                self.nesting -= 1
                return NodeList(start, tuple(nodes)), node
            nodes.append(node)
        return self.fail("unexpected EOF")

    def text_or_action(self) -> Node | _End:
        token = self.take_solid()
        if token.kind == "text":
            return Text(token.position, token.text)
        if token.kind != "{{":
            self.unexpected(token, "input")
        self.action_line = token.line
        node = self.action()
        self.action_line = 0
        return node

    def action(self) -> Node | _End:
        token = self.peek_solid()
        if token.kind in {"block", "break", "continue", "else", "end", "if", "range", "template", "with"}:
            self.take()
        match token.kind:
            case "block":
                return self.block()
            case "break" | "continue":
                return self.jump(token)
            case "else":
                if self.peek_solid().kind in {"if", "with"}:
                    return _End(self.peek().position, "else")
                return _End(self.expect("}}", "else").position, "else")
            case "end":
                return _End(self.expect("}}", "end").position, "end")
            case "if" | "with" | "range":
                return self.control(token.kind)
            case "template":
                return self.template_call()
            case _:
                return Action(token.position, self.pipeline("command", "}}"))

    def jump(self, token: Token) -> Break | Continue:
        follower = self.take_solid()
        if follower.kind != "}}":
            self.unexpected(follower, f"{{{{{token.kind}}}}}")
        if not self.ranges:
            self.fail(f"{{{{{token.kind}}}}} outside {{{{range}}}}")
        return Break(token.position) if token.kind == "break" else Continue(token.position)

    def control(self, word: str) -> If | With | Range:
        known = len(self.variables)
        pipe = self.pipeline(word, "}}")
        self.ranges += word == "range"
        body, end = self.node_list()
        self.ranges -= word == "range"
        otherwise: NodeList | None = None
        if end.word == "else":
            if word in {"if", "with"} and self.peek().kind == word:
                self.take()
                self.nesting += 1
                if self.nesting > MAX_NESTING:
                    self.fail(f"blocks are nested too deeply, more than {MAX_NESTING} levels")
                otherwise = NodeList(end.position, (self.control(word),))
                self.nesting -= 1
            else:
                otherwise, end = self.node_list()
                if end.word != "end":
                    self.fail(f"expected end; found {{{{{end.word}}}}}")
        del self.variables[known:]
        return _CONTROLS[word](pipe.position, pipe, body, otherwise)

    def block(self) -> TemplateCall:
        context = "block clause"
        token = self.take_solid()
        name = self.template_name(token, context)
        pipe = self.pipeline(context, "}}")
        self.add(name, self.separate_body(context))
        return TemplateCall(token.position, name, pipe)

    def template_call(self) -> TemplateCall:
        context = "template clause"
        token = self.take_solid()
        name = self.template_name(token, context)
        if self.peek_solid().kind == "}}":
            self.take()
            return TemplateCall(token.position, name, None)
        return TemplateCall(token.position, name, self.pipeline(context, "}}"))

    # Pipelines

    def pipeline(self, context: str, end: str) -> Pipe:
        start = self.peek_solid().position
        variables, assigns = self.declarations(context)
        commands: list[Command] = []
        while (token := self.peek_solid()).kind != end:
            if token.kind not in _OPERANDS:
                self.take()
                self.unexpected(token, context)
            commands.append(self.command())
        self.take()
        if not commands:
            self.fail(f"missing value for {context}")
        for stage, command in enumerate(commands[1:], 2):
            if isinstance(command.operands[0], _VALUES):
                self.fail(f"non executable command in pipeline stage {stage}")
        return Pipe(start, tuple(commands), variables, assigns)

    def declarations(self, context: str) -> tuple[tuple[Variable, ...], bool]:
        variables: list[Variable] = []
        while (token := self.peek_solid()).kind == "variable":
            before = self.index
            self.take()
            follower = self.peek_solid()
            if follower.kind in {"=", ":="}:
                self.take()
                variables.append(self.declared(token))
                return tuple(variables), follower.kind == "="
            if follower.kind != "char" or follower.text != ",":
                self.index = before
                break
            self.take()
            variables.append(self.declared(token))
            if context != "range" or len(variables) > 1:
                self.fail(f"too many declarations in {context}")
            if self.peek_solid().kind not in {"variable", "}}", ")"}:
                self.fail("range can only initialize variables")
        return tuple(variables), False

    def declared(self, token: Token) -> Variable:
        self.variables.append(token.text)
        return Variable(token.position, token.text)

    def command(self) -> Command:
        start = self.peek_solid().position
        operands: list[Operand] = []
        while True:
            self.peek_solid()
            operand = self.operand()
            if operand is not None:
                operands.append(operand)
            token = self.take()
            if token.kind == "space":
                continue
            if token.kind in {"}}", ")"}:
                self.index -= 1
            elif token.kind != "|":
                self.unexpected(token, "operand")
            break
        if not operands:
            self.fail("empty command")
        return Command(start, tuple(operands))

    def operand(self) -> Operand | None:
        term = self.term()
        if term is None or self.peek().kind != "field":
            return term
        position, fields = self.peek().position, []
        while self.peek().kind == "field":
            fields.append(self.take().text[1:])
        match term:
            case Field(_, names):
                return Field(position, (*names, *fields))
            case Variable(_, name):
                return Variable(position, name, tuple(fields))
            case Bool() | String() | Number() | Nil() | Dot():
                return self.fail(f"unexpected . after term {quote(text_of(term))}")
            case _:
                return Chain(position, term, tuple(fields))

    def term(self) -> Operand | None:  # noqa: C901 - a table of tokens
        token = self.peek_solid()
        if token.kind not in _OPERANDS:
            return None
        self.take()
        match token.kind:
            case "identifier":
                if token.text not in self.functions:
                    self.fail(f"function {quote(token.text)} not defined", token)
                return Identifier(token.position, token.text)
            case "dot":
                return Dot(token.position)
            case "nil":
                return Nil(token.position)
            case "variable":
                if token.text not in self.variables:
                    self.fail(f"undefined variable {quote(token.text)}", token)
                return Variable(token.position, token.text)
            case "field":
                return Field(token.position, (token.text[1:],))
            case "bool":
                return Bool(token.position, token.text == "true")
            case "number" | "character":
                return self.number(token)
            case "string" | "raw":
                return self.string(token)
            case _:
                return self.parenthesized()

    def parenthesized(self) -> Pipe:
        self.nesting += 1
        if self.nesting > MAX_NESTING:
            self.fail("max expression depth exceeded")
        pipe = self.pipeline("parenthesized pipeline", ")")
        self.nesting -= 1
        return pipe

    def number(self, token: Token) -> Number:
        try:
            return read_number(token.text, token.position)
        except ValueError as error:
            self.fail(str(error))

    def string(self, token: Token) -> String:
        try:
            return read_string(token.text, token.position)
        except ValueError as error:
            self.fail(str(error))
