"""Makes templates write HTML in which no value is more than text: each action gets the functions that fit its place.

A template that is called at different places is escaped for each of them. Where nobody here can make a value safe (in
a style, a tag's or an attribute's name, a script's template string), it is refused.

Rules: https://pkg.go.dev/html/template
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NoReturn

from sonde.errors import Unsupported
from sonde.telemetry.quoting import quote
from sonde.telemetry.template.ast import (
    Action,
    Break,
    Command,
    Continue,
    Identifier,
    If,
    Node,
    NodeList,
    Pipe,
    Range,
    TemplateCall,
    Text,
    With,
)
from sonde.telemetry.template.html_context import BadHTML, Context, after_text
from sonde.telemetry.template.parser import Tree
from sonde.telemetry.template.printer import text_of
from sonde.telemetry.template.source import TemplateError

_PREDEFINED: Final = {
    "html": {"htmlescaper", "rcdataescaper", "attrescaper"},
    "urlquery": {"urlescaper", "urlnormalizer"},
}
"""Functions of the user's own that do what escapers do."""


def escape(trees: Mapping[str, Tree], root: str) -> Mapping[str, Tree]:
    """The templates that ``root`` needs, safe.

    >>> from sonde.telemetry.template.parser import parse_trees
    >>> trees = escape(parse_trees('<a href="/{{ . }}">', name="x", functions=()), "x")
    >>> text_of(trees["x"].body)
    '<a href="/{{. | _html_template_urlnormalizer | _html_template_attrescaper}}">'

    Raises:
        TemplateError: What browsers would make of it cannot be told for sure.
        Unsupported: A value stands where nobody here can make it safe.
    """
    escaper = _Escaper(trees)
    end, name = escaper.template(Context(), root, trees[root], 0)
    if end.state not in {"text", "dead"}:
        raise TemplateError(f"html/template:{root}: ends in a non-text context: {end}", code="template.html")
    return {**escaper.done, root: escaper.done[name]}


@dataclass(slots=True)
class _Loop:
    """Where a loop is left early."""

    breaks: list[Context] = field(default_factory=list)
    continues: list[Context] = field(default_factory=list)


class _Escaper:
    def __init__(self, trees: Mapping[str, Tree]) -> None:
        self.trees = trees
        self.done: dict[str, Tree] = {}
        self.ends: dict[str, Context] = {}
        self.called: set[str] = set()
        self.loops: list[_Loop] = []

    def template(self, start: Context, name: str, caller: Tree, position: int) -> tuple[Context, str]:
        """Escape a template for a place; the answer is where it ends, and the name of what is safe there."""
        mangled = name if start == Context() else f"{name}$htmltemplate_{start}"
        self.called.add(mangled)
        if mangled in self.ends:
            return self.ends[mangled], mangled
        tree = self.trees.get(name)
        if tree is None:
            self.fail(caller, position, f"no such template {quote(name)}")
        self.called.discard(mangled)
        # A template that calls itself needs an answer before there is one: first guess that it ends as it begins.
        assumed = start
        for _ in range(2):
            self.ends[mangled] = assumed
            loops, self.loops = self.loops, []
            end, body = self.node_list(start, tree.body, tree)
            self.loops = loops
            if mangled not in self.called or end == assumed:
                self.ends[mangled] = end
                self.done[mangled] = Tree(mangled, tree.source, body)
                return end, mangled
            assumed = end
        return self.fail(tree, tree.body.position, f"cannot compute output context for template {name}")

    def node_list(self, start: Context, nodes: NodeList, tree: Tree) -> tuple[Context, NodeList]:
        context, out = start, []
        for node in nodes.nodes:
            context, safe = self.node(context, node, tree)
            out.append(safe)
        return context, NodeList(nodes.position, tuple(out))

    def node(self, context: Context, node: Node, tree: Tree) -> tuple[Context, Node]:
        match node:
            case Text(position, text):
                try:
                    after, safe = after_text(context, text) if context.state != "dead" else (context, text)
                except BadHTML as error:
                    line, column = tree.source.place_of(position)
                    message = f"html/template:{tree.source.name}: {error}"
                    raise TemplateError(message, code="template.html", position=(line, column + 1)) from None
                return after, Text(position, safe)
            case Action():
                return self.action(context, node, tree)
            case TemplateCall(position, name, _):
                end, mangled = self.template(context, name, tree, position)
                return end, replace(node, name=mangled)
            case If() | With() | Range():
                return self.branch(context, node, tree)
            case Break():
                self.loops[-1].breaks.append(context)
                return Context("dead"), node
            case Continue():
                self.loops[-1].continues.append(context)
                return Context("dead"), node

    def branch(self, start: Context, node: If | With | Range, tree: Tree) -> tuple[Context, Node]:
        word = {If: "if", With: "with", Range: "range"}[type(node)]
        if isinstance(node, Range):
            self.loops.append(_Loop())
        end, body = self.node_list(start, node.body, tree)
        if isinstance(node, Range):
            loop = self.loops.pop()
            for early in loop.continues:
                end = self.joined(end, early, node, tree, "range")
            if end not in {start, Context("dead")}:  # the next turn begins elsewhere
                self.loops.append(_Loop())
                again, _ = self.node_list(end, node.body, tree)
                self.loops.pop()
                end = self.joined(end, again, node, tree, "range")
            for early in loop.breaks:
                end = self.joined(end, early, node, tree, "range")
        other, otherwise = start, node.otherwise
        if otherwise is not None:
            other, otherwise = self.node_list(start, otherwise, tree)
        return self.joined(end, other, node, tree, word), replace(node, body=body, otherwise=otherwise)

    def joined(self, one: Context, other: Context, node: Node, tree: Tree, word: str) -> Context:
        """The context that both branches end in."""
        if one.state == "dead":
            return other
        if other.state == "dead" or one == other:
            return one
        if replace(one, url_part="") == replace(other, url_part=""):
            return replace(one, url_part="unknown")
        if (one.nudged(), other.nudged()) != (one, other):
            one, other = one.nudged(), other.nudged()
            if one == other:
                return one
        return self.fail(tree, node.position, f"{{{{{word}}}}} branches end in different contexts: {one}, {other}")

    def action(self, before: Context, node: Action, tree: Tree) -> tuple[Context, Action]:
        if node.pipe.variables or before.state == "dead":
            return before, node
        context = before.nudged()
        self.check_predefined(context, node, tree)
        return context, replace(node, pipe=_with_escapers(node.pipe, self.escapers(context, node, tree)))

    def escapers(self, context: Context, node: Action, tree: Tree) -> list[str]:  # noqa: C901 - a table of places
        names: list[str] = []
        match context.state:
            case "text":
                names.append("htmlescaper")
            case "rcdata":
                names.append("rcdataescaper")
            case "url":
                if context.url_part == "unknown":
                    self.fail(tree, node.position, f"{text_of(node)} appears in an ambiguous context within a URL")
                if not context.url_part:
                    names.append("urlfilter")
                names.append("urlescaper" if context.url_part == "query" else "urlnormalizer")
            case "script":
                names.append("jsvalescaper")
            case "script string":
                names.append("jsstrescaper")
            case "comment":
                names.append("commentescaper")
            case "attribute" if context.attribute != "markup":
                pass
            case _:
                self.refuse(context, node, tree)
        if context.delimiter:
            names.append("nospaceescaper" if context.delimiter == " " else "attrescaper")
        return names

    def refuse(self, context: Context, node: Action, tree: Tree) -> NoReturn:
        where = {"style": "a style", "srcset": "a srcset", "meta content": "the content of a meta element"} | {
            "script unknown": "a script behind a template string, a regular expression or a comment",
            "attribute": "a srcdoc",
        }
        line, column = tree.source.place_of(node.position)
        place = where.get(context.state, "a tag or an attribute's name")
        raise Unsupported(
            f"html/template:{tree.source.name}:{line}:{column}: {text_of(node)} appears in {place}, "
            "where values are not supported",
            code="template.html",
            hint="put values into text, quoted attributes or URLs",
            position=(line, column + 1),
        )

    def check_predefined(self, context: Context, node: Action, tree: Tree) -> None:
        commands = node.pipe.commands
        for place, command in enumerate(commands):
            word = command.operands[0]
            if not isinstance(word, Identifier) or word.name not in _PREDEFINED:
                continue
            unquoted = context.state == "attribute" and context.delimiter == " " and word.name == "html"
            if place < len(commands) - 1 or unquoted:
                self.fail(tree, node.position, f"predefined escaper {quote(word.name)} disallowed in template")

    def fail(self, tree: Tree, position: int, message: str) -> NoReturn:
        line, column = tree.source.place_of(position)
        raise TemplateError(
            f"html/template:{tree.source.name}:{line}:{column}: {message}",
            code="template.html",
            position=(line, column + 1),
        )


def _with_escapers(pipe: Pipe, names: list[str]) -> Pipe:
    """The pipeline with these at its end; a function of the user's own that does the same takes the escaper's place."""
    commands = list(pipe.commands)
    word = commands[-1].operands[0]
    added = [f"_html_template_{name}" for name in names]
    if isinstance(word, Identifier) and word.name in _PREDEFINED:
        if len(commands) == 1 and len(commands[0].operands) > 1:
            values = Identifier(word.position, "_eval_args_")
            commands = [Command(pipe.position, (values, *commands[0].operands[1:])), _command(word.name, pipe.position)]
        same = [place for place, name in enumerate(names) if name in _PREDEFINED[word.name]]
        for place in same:
            added[place] = word.name
        if same:
            commands.pop()
    return replace(pipe, commands=(*commands, *(_command(name, pipe.position) for name in added)))


def _command(name: str, position: int) -> Command:
    return Command(position, (Identifier(position, name),))
