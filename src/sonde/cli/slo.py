"""`sonde slo render`: objectives in, a Prometheus rule file out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonde.errors import UserError

if TYPE_CHECKING:
    from sonde.rules.slo.objective import Objective

group = typer.Typer(help="Service level objectives.", no_args_is_help=True)


@group.callback()
def slo() -> None:
    """Service level objectives."""


@group.command("render")
def render(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files in OpenSLO v1 or the short form.")],
) -> None:
    """Write the recording and alerting rules of objectives as one Prometheus rule file to stdout.

    sonde slo render slos/*.yml > rules/slo.yml
    """
    from sonde.rules.slo.read import read_objectives
    from sonde.rules.slo.render import render as rule_file

    texts = []
    for path in files:
        try:
            texts.append(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path} cannot be read: {error}", code="cli.input") from error
    objectives: list[Objective] = []
    for path, text in zip(files, texts, strict=True):
        try:
            objectives += read_objectives(text)
        except UserError as error:
            where = f"{path}:{error.position[0]}:{error.position[1]}" if error.position else str(path)
            raise UserError(f"{where}: {error.message}", code=error.code, hint=error.hint) from error
    typer.echo(rule_file(objectives), nl=False)
