"""`sonde rules check | test`: are rule files good, and do their rules do what their tests say; with promtool's words.

Exit codes are promtool's too: 0 all is well, 1 something is wrong, 3 with --lint-fatal something looks wrong.
"""

from __future__ import annotations

import enum
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sonde.errors import UserError

if TYPE_CHECKING:
    from sonde.rules.rule_file import GroupDefinition, RuleFile
    from sonde.rules.unit_test_text import Suite

group = typer.Typer(help="Check and test Prometheus rule files.", no_args_is_help=True)

_FAILED: Final = 1
_LINT_FAILED: Final = 3


class Lint(enum.StrEnum):
    """What is looked for beside mistakes."""

    ALL = "all"
    DUPLICATE_RULES = "duplicate-rules"
    NONE = "none"


IgnoreUnknownFields = Annotated[
    bool, typer.Option("--ignore-unknown-fields", help="Take rule files with keys that nobody knows.")
]


@group.command("check")
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Rule files; without any, stdin.", show_default=False),
    ] = None,
    lint: Annotated[Lint, typer.Option(help="What to look for beside mistakes.")] = Lint.DUPLICATE_RULES,
    lint_fatal: Annotated[bool, typer.Option("--lint-fatal", help="Exit with 3 for what looks wrong.")] = False,
    ignore_unknown_fields: IgnoreUnknownFields = False,
) -> None:
    """Check rule files.

    sonde rules check rules/*.yml
    """
    from sonde.rules.languages import check_only
    from sonde.rules.rule_file import parse_rule_file, read_rule_file

    has_errors = has_lint = False
    languages = check_only()
    named: list[Path | None] = [*files] if files else [None]
    for path in named:
        if path is None:
            print("Checking standard input")
            file = parse_rule_file(sys.stdin.read(), languages, ignore_unknown_fields=ignore_unknown_fields)
        else:
            print("Checking", path)
            file = read_rule_file(str(path), languages, ignore_unknown_fields=ignore_unknown_fields)
        errors, lints = _report(file, lint)
        has_errors, has_lint = has_errors or errors, has_lint or lints
        if not errors:
            print()
    if has_errors:
        raise typer.Exit(_FAILED)
    if has_lint and lint_fatal:
        raise typer.Exit(_LINT_FAILED)


def _report(file: RuleFile, lint: Lint) -> tuple[bool, bool]:
    """Say what was found; whether something is wrong, and whether something looks wrong."""
    from sonde.rules.rule_file import duplicates

    if file.has_more_documents:
        _say("  WARNING: several YAML documents in a rule file are not supported, only the first one is read")
    if file.problems:
        _say("  FAILED:", *file.messages())
        return True, False
    found = duplicates(file.groups) if lint is not Lint.NONE else []
    if found:
        lines = [f"lint error {len(found)} duplicate rule(s) found."]
        for name, labels in found:
            lines += [f"Metric: {name}", "Label(s):", *(f"\t{label}: {value}" for label, value in labels)]
        lines.append("Might cause inconsistency while recording expressions")
        _say("  FAILED:", *lines)
        return False, True
    print(f"  SUCCESS: {_rules(file.groups)} rules found")
    return False, False


def _rules(groups: tuple[GroupDefinition, ...]) -> int:
    return sum(len(each.rules) for each in groups)


def _say(*lines: str) -> None:
    sys.stdout.flush()
    print(*lines, sep="\n", file=sys.stderr, flush=True)


@group.command("test")
def run_tests(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of unit tests.")],
    run: Annotated[
        list[str] | None,
        typer.Option(metavar="REGEXP", help="Only tests whose names match; repeat.", show_default=False),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the results as JUnit XML, too.", show_default=False)
    ] = None,
    ignore_unknown_fields: IgnoreUnknownFields = False,
) -> None:
    """Run unit tests of rules.

    sonde rules test tests/*.yml --junit results.xml
    """
    from sonde.rules.unit_test_text import junit_xml

    suites = []
    for path in files:
        suite = _test_file(path, run or [], ignore_unknown_fields=ignore_unknown_fields)
        failures = [failure for _, found in suite.cases for failure in found]
        if suite.error or failures:
            _say("  FAILED:")
            for failure in [suite.error] if suite.error else failures:
                _say(failure)
                print()
        else:
            print("  SUCCESS")
        print()
        suites.append(suite)
    if junit is not None:
        try:
            junit.write_text(junit_xml(suites), encoding="utf-8")
        except OSError as error:
            raise UserError(f"{junit} cannot be written: {error.strerror}", code="cli.output") from error
    if any(suite.error or any(found for _, found in suite.cases) for suite in suites):
        raise typer.Exit(_FAILED)


def _test_file(path: Path, patterns: list[str], *, ignore_unknown_fields: bool) -> Suite:
    import asyncio
    from datetime import datetime

    from sonde.errors import SondeError
    from sonde.rules.unit_test import check_order, resolve_rule_files, run_test
    from sonde.rules.unit_test_file import parse_test_file
    from sonde.rules.unit_test_text import Suite
    from sonde.telemetry.matcher import Matcher

    timestamp = datetime.now().astimezone().strftime("%Y-%m-%dT%H:%M:%S")
    try:
        wanted = Matcher("name", "=~", f".*(?:{'|'.join(patterns)}).*")
        wanted.matches("")  # says what is wrong with it
        file = parse_test_file(path.read_text(encoding="utf-8"))
        rule_files, lost = resolve_rule_files(file, path.parent)
        check_order(file)
    except OSError as error:
        return Suite(str(path), error=f"open {path}: {(error.strerror or str(error)).lower()}")
    except UnicodeDecodeError:
        return Suite(str(path), error="yaml: invalid UTF-8")
    except SondeError as error:
        where = f"{error.position[0]}:{error.position[1]}: " if error.position else ""
        return Suite(str(path), error=f"{where}{error.message}")
    for pattern in lost:
        _say(f"  WARNING: no file match pattern {pattern}")

    async def outcomes() -> list[tuple[str, tuple[str, ...]]]:
        found = []
        for number, each in enumerate(file.tests):
            if wanted.matches(each.name):
                outcome = await run_test(
                    each, file, rule_files, number=number, ignore_unknown_fields=ignore_unknown_fields
                )
                found.append((outcome.name, outcome.failures))
        return found

    return Suite(str(path), timestamp, cases=tuple(asyncio.run(outcomes())))
