"""Go templates: text with actions in double braces, as annotations, notifications and ``line_format`` have them.

``TemplateSet`` is where templates live that call each other; ``parse`` is for one that needs no others.

Language: https://pkg.go.dev/text/template, https://pkg.go.dev/html/template
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sonde.telemetry.quoting import quote
from sonde.telemetry.template.ast import is_empty
from sonde.telemetry.template.compile import compile_tree
from sonde.telemetry.template.escape import escape
from sonde.telemetry.template.escapers import ESCAPERS
from sonde.telemetry.template.functions import BUILTINS
from sonde.telemetry.template.limits import DEFAULT_LIMITS, Limits
from sonde.telemetry.template.parser import Tree, parse_trees
from sonde.telemetry.template.signature import Function, function_of
from sonde.telemetry.template.source import TemplateError
from sonde.telemetry.template.state import Program, State

MissingKey = Literal["default", "zero", "error"]
"""What a key that a map lacks gives: ``<no value>``, the zero of the map's values, or an error."""

_BUILTINS: Final = {name: function_of(name, function) for name, function in BUILTINS.items()}
_ESCAPERS: Final = {name: function_of(name, function) for name, function in ESCAPERS.items()}


@dataclass(frozen=True, slots=True)
class Template:
    """A template of a set."""

    name: str
    templates: TemplateSet

    def render(self, data: object) -> str:
        """The text for these data: numbers, strings, lists, maps, and what says of itself what a template may see.

        Raises:
            TemplateError: It could not be executed, or went beyond a limit.
            Unsupported: As HTML, it puts a value where nobody here can make it safe.
        """
        return self.templates.render(self.name, data)


class TemplateSet:
    """Templates that know each other by their names.

    >>> templates = TemplateSet({"shout": str.upper})
    >>> _ = templates.parse('{{ define "greeting" }}hello {{ . }}{{ end }}', name="")
    >>> templates.parse('{{ template "greeting" .name }}!', name="mail").render({"name": "Ada"})
    'hello Ada!'
    """

    def __init__(
        self,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        *,
        missing_key: MissingKey = "default",
        html: bool = False,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        own = {name: function_of(name, function) for name, function in (functions or {}).items()}
        self._functions: Mapping[str, Function] = _BUILTINS | own
        self._missing_key: MissingKey = missing_key
        self._html = html
        self._limits = limits
        self._trees: dict[str, Tree] = {}
        self._escaped: dict[str, Mapping[str, Tree]] = {}
        """For HTML: what a template means depends on where it is called, so each root has trees of its own."""
        self._programs: dict[Tree, Program] = {}

    def parse(self, text: str, *, name: str) -> Template:
        """Add a template and those that it defines; a later definition replaces an earlier one, unless it is empty.

        Raises:
            TemplateError: It is none.
        """
        for tree in parse_trees(text, name=name, functions=self._functions).values():
            if tree.name not in self._trees or not is_empty(tree.body):
                self._trees[tree.name] = tree
        self._escaped = {}
        return Template(name, self)

    def clone(self) -> TemplateSet:
        """A set with the same templates, to which others can be added."""
        other = TemplateSet(missing_key=self._missing_key, html=self._html, limits=self._limits)
        other._functions = self._functions
        other._trees = dict(self._trees)
        other._programs = self._programs
        return other

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all templates, in order."""
        return tuple(sorted(self._trees))

    def __contains__(self, name: str) -> bool:
        return name in self._trees

    def lookup(self, name: str) -> Template | None:
        """The template of that name."""
        return Template(name, self) if name in self._trees else None

    def render(self, name: str, data: object) -> str:
        """Execute a template of the set.

        Raises:
            TemplateError: There is none of that name, it could not be executed, or went beyond a limit.
            Unsupported: As HTML, it puts a value where nobody here can make it safe.
        """
        if name not in self._trees:
            raise TemplateError(f'template: no template {quote(name)} associated with template ""')
        trees: Mapping[str, Tree] = self._trees
        if self._html:
            if name not in self._escaped:
                self._escaped[name] = escape(trees, name)
            trees = self._escaped[name]

        def program_of(called: str) -> Program | None:
            tree = trees.get(called)
            return None if tree is None else self._program(tree)

        return State(program_of, self._missing_key, self._limits).execute(self._program(trees[name]), data)

    def _program(self, tree: Tree) -> Program:
        """The executable form of a tree, made when it is first needed."""
        program = self._programs.get(tree)
        if program is None:
            functions = {**self._functions, **_ESCAPERS} if self._html else self._functions
            program = self._programs[tree] = compile_tree(tree, functions)
        return program


def parse(
    text: str,
    *,
    name: str,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    missing_key: MissingKey = "default",
    html: bool = False,
    limits: Limits = DEFAULT_LIMITS,
) -> Template:
    """Read one template.

    >>> parse("{{ range $i, $x := . }}{{ if $i }}, {{ end }}{{ $x }}{{ end }}", name="list").render(["a", "b"])
    'a, b'
    >>> parse("{{ .Labels.job }", name="summary")
    Traceback (most recent call last):
    sonde.telemetry.template.source.TemplateError: 1:16: template: summary:1: unexpected "}" in operand [template.parse]

    Raises:
        TemplateError: It is none.
    """
    return TemplateSet(functions, missing_key=missing_key, html=html, limits=limits).parse(text, name=name)
