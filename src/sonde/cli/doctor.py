"""`sonde doctor`: what stands between this machine and a healthy Sonde, each finding with its cure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from sonde.cli import options

if TYPE_CHECKING:
    from sonde.cli.checks import Finding

_MARKS = {"good": ("ok  ", "32"), "warning": ("warn", "33"), "bad": ("BAD ", "31")}


def doctor(config: options.Config = None, data: options.Data = None) -> None:
    """Check whether Sonde can run here.

    Looks at processor, packages, memory, data directory, disk, ports, limits and clock; exits with 1 if one is bad.
    """
    from sonde.cli.checks import CHECKS
    from sonde.cli.settings import read_settings

    settings = read_settings(config, {"data": None if data is None else str(data)})
    findings = [finding for check in CHECKS for finding in check(settings)]
    for finding in findings:
        print(_line(finding, colour=sys.stdout.isatty()))
    bad = sum(finding.verdict == "bad" for finding in findings)
    print("\nSonde can run here." if not bad else f"\n{bad} to mend before Sonde can run here.")
    raise typer.Exit(1 if bad else 0)


def _line(finding: Finding, *, colour: bool) -> str:
    mark, code = _MARKS[finding.verdict]
    shown = f"\x1b[{code}m{mark}\x1b[0m" if colour else mark
    cure = f"\n{'':20}→ {finding.cure}" if finding.cure else ""
    return f"{shown}  {finding.subject:<13} {finding.detail}{cure}"
