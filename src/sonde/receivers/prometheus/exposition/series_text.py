r"""The text of one series in the text format and in OpenMetrics: ``name{label="value"}``, ``{"name", label="value"}``.

Most lines are in the usual form and are read with two regular expressions; the others token by token, which also finds
where and what an error is. OpenMetrics (``strict``) allows no blanks inside of braces and wants commas between labels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sonde.receivers.prometheus.exposition.reading import fault

_USUAL: Final = re.compile(
    rb"([a-zA-Z_:][a-zA-Z0-9_:]*)"
    rb'(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="[^"\\]*",)*(?:[a-zA-Z_][a-zA-Z0-9_]*="[^"\\]*")?)\})?(?=[ \t])'
)
_USUAL_LABEL: Final = re.compile(rb'([a-zA-Z_][a-zA-Z0-9_]*)="([^"\\]*)"')
_NAME: Final = re.compile(rb"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL_NAME: Final = re.compile(rb"[a-zA-Z_][a-zA-Z0-9_]*")
_QUOTED: Final = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_BLANKS: Final = re.compile(rb"[ \t]*")
_ESCAPE: Final = re.compile(r'\\(["\\n])')


@dataclass(frozen=True, slots=True)
class ExposedSeries:
    """A series as a target says it: ``name`` is empty if it has none, ``end`` is where its text ends in the line."""

    name: str
    labels: list[tuple[str, str]]
    end: int


def parse_series(line: bytes, number: int, *, strict: bool) -> ExposedSeries:
    r"""Read the series that a line (of this number) begins with.

    >>> parse_series(b'hits_total{path="/a b",code="200"} 5', 1, strict=True)
    ExposedSeries(name='hits_total', labels=[('path', '/a b'), ('code', '200')], end=34)
    >>> parse_series(rb'{"disk.free", "mount.point"="C:\\"} 5', 1, strict=False)
    ExposedSeries(name='disk.free', labels=[('mount.point', 'C:\\')], end=35)
    >>> parse_series(b'hits_total{path=5} 1', 7, strict=False)
    Traceback (most recent call last):
    sonde.errors.UserError: 7:17: expected a label value in double quotes, found '5} 1' [exposition.syntax]
    """
    usual = _USUAL.match(line)
    if usual is None:
        return _Scan(line, number, strict=strict).series()
    try:
        name = usual[1].decode()
        labels = [(key.decode(), value.decode()) for key, value in _USUAL_LABEL.findall(usual[2] or b"")]
    except UnicodeDecodeError:
        raise fault(number, 1, "a label value is not UTF-8") from None
    return ExposedSeries(name, _each_once(labels, number), usual.end())


def parse_labels(line: bytes, number: int, at: int) -> tuple[list[tuple[str, str]], int]:
    """Read the labels of an exemplar, whose brace stands at ``at``; returns them and where they end."""
    scan = _Scan(line, number, strict=True)
    scan.at = at
    labels = scan.braces(name_allowed=False)
    return _each_once(labels, number), scan.at


def unescape(text: str, *, quotes: bool = True) -> str:
    r"""Undo the escapes that the formats know; any other backslash stays.

    >>> print(unescape(r"C:\\Dir \"x\"\ty"))
    C:\Dir "x"\ty
    """
    if "\\" not in text:
        return text
    return _ESCAPE.sub(
        lambda found: "\n" if found[1] == "n" else found[1] if quotes or found[1] != '"' else found[0], text
    )


def _each_once(labels: list[tuple[str, str]], number: int) -> list[tuple[str, str]]:
    if len({name for name, _ in labels}) != len(labels):
        names = [name for name, _ in labels]
        twice = next(name for name in names if names.count(name) > 1)
        raise fault(number, 1, f"the series has the label {twice!r} twice")
    return labels


class _Scan:
    """One line, from left to right."""

    def __init__(self, line: bytes, number: int, *, strict: bool) -> None:
        self.line = line
        self.number = number
        self.strict = strict
        self.at = 0
        self.name = ""

    def series(self) -> ExposedSeries:
        self.blanks()
        start = self.at
        if found := _NAME.match(self.line, self.at):
            self.name, self.at = found[0].decode(), found.end()
            behind = self.at
            self.blanks()
            if not self.line.startswith(b"{", self.at):
                self.at = behind
                return ExposedSeries(self.name, [], self.at)
        if not self.line.startswith(b"{", self.at):
            raise self.expected("the name of a metric" if self.at == start else "'{'")
        labels = self.braces(name_allowed=not self.name)
        if not self.name and not any(name == "__name__" for name, _ in labels):
            raise fault(self.number, start + 1, "the series has no name")
        return ExposedSeries(self.name, _each_once(labels, self.number), self.at)

    def braces(self, *, name_allowed: bool) -> list[tuple[str, str]]:
        labels: list[tuple[str, str]] = []
        self.at += 1
        separated = True
        while True:
            self.blanks()
            if self.line.startswith(b"}", self.at):
                self.at += 1
                return labels
            if not separated and self.strict:
                raise self.expected("',' or '}'")
            begin = self.at
            if found := _LABEL_NAME.match(self.line, self.at):
                name, self.at = found[0].decode(), found.end()
            elif self.line.startswith(b'"', self.at):
                name = self.quoted("a label name")
            else:
                raise self.expected("a label name or '}'")
            self.blanks()
            if self.line.startswith(b"=", self.at):
                self.at += 1
                self.blanks()
                labels.append((name, self.quoted("a label value in double quotes")))
            elif (
                name_allowed and self.line.startswith(b'"', begin) and self.line[self.at : self.at + 1] in {b",", b"}"}
            ):
                if self.name:
                    raise fault(self.number, begin + 1, f"the series has a name already: {self.name!r}")
                self.name = name
            else:
                raise self.expected("'='")
            self.blanks()
            separated = self.line.startswith(b",", self.at)
            self.at += separated

    def quoted(self, what: str) -> str:
        found = _QUOTED.match(self.line, self.at)
        if found is None:
            raise self.expected(f"{what}, with an end" if self.line.startswith(b'"', self.at) else what)
        start, self.at = self.at, found.end()
        try:
            return unescape(found[1].decode())
        except UnicodeDecodeError:
            raise fault(self.number, start + 1, f"{what} is not UTF-8") from None

    def blanks(self) -> None:
        if not self.strict:
            found = _BLANKS.match(self.line, self.at)
            self.at = found.end() if found else self.at

    def expected(self, what: str) -> Exception:
        rest = self.line[self.at : self.at + 40].decode(errors="replace")
        return fault(
            self.number, self.at + 1, f"expected {what}, found {repr(rest) if rest else 'the end of the line'}"
        )
