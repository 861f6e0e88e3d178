"""Reads tables of templates and what becomes of them."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """A template and its output, or the error that it gives."""

    title: str
    template: str
    output: str
    error: str

    def __str__(self) -> str:
        return f"{self.title}: {self.template[:60]}"


def read(path: Path) -> list[Case]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    cases: list[Case] = []
    title, template = "", None
    for line in lines:
        if line.startswith("# "):
            title = line.removeprefix("# ")
        elif template is None:
            template = _text(line)
        else:
            mark, _, rest = line.partition(" ")
            cases.append(Case(title, template, _text(rest), "") if mark == "=>" else Case(title, template, "", rest))
            template = None
    return cases


def _text(written: str) -> str:
    return json.loads(written) if written.startswith('"') else written
