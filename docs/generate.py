"""Writes docs/reference from the code: `make docs`. tests/docs fails when a page is not what this writes."""

from __future__ import annotations

import difflib
import io
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).with_name("reference")
HELP_WIDTH = 110


def configuration() -> str:
    """Every key of the server's configuration, and every variable that the SDK reads."""
    from sonde.config.keys import KEYS, SECTIONS
    from sonde.sdk.settings import VARIABLES

    out = io.StringIO()
    out.write(
        "# Configuration\n\n"
        "<!-- Written by `make docs` from src/sonde/config/settings.py and src/sonde/sdk/settings.py. -->\n\n"
        "## The server\n\n"
        "Settings come from one YAML file (`sonde serve --config FILE`, or `SONDE_CONFIG`) and from the environment. A flag wins\n"
        "over the environment, the environment over the file, the file over the default. `sonde config show` prints what holds,\n"
        "with the place that decided it; `sonde config check` tells all mistakes at once.\n\n"
        "```yaml\n"
        "data: /var/lib/sonde\n"
        "retention:\n"
        "  traces: 14d\n"
        "  max_bytes: {logs: 20GB}\n"
        "```\n\n"
        "is the same as `SONDE_DATA=/var/lib/sonde SONDE_RETENTION_TRACES=14d SONDE_RETENTION_MAX_BYTES_LOGS=20GB`.\n\n"
        "A size counts in thousands as `MB` and in 1024s as `MiB`. A duration is Prometheus': `90d`, `1h30m`, `250ms`.\n"
        "Where Sonde can be reached from other machines it asks for a key: without `api_key`, and without one made by\n"
        "`sonde keys create`, it does not start.\n"
    )
    for section, purpose in {"": "", **SECTIONS}.items():
        out.write(f"\n### {section}\n\n{purpose}\n" if section else "")
        out.write("\n| Key | Variable | Takes | Default | |\n|---|---|---|---|---|\n")
        for key in KEYS.values():
            if key.path.rpartition(".")[0] == section:
                default = f"`{key.default}`" if key.default else ""
                kind = key.kind.replace("|", "\\|")
                out.write(f"| `{key.path}` | `{key.variable}` | {kind} | {default} | {key.description} |\n")
    out.write(
        "\n## The SDK\n\n"
        "What `sonde.configure(…)` and `sonde run` read in your service; an argument wins over the variable. The variables of\n"
        "OpenTelemetry (`OTEL_…`) are honoured beside them.\n\n"
        "| Argument | Variable | |\n|---|---|---|\n"
    )
    for argument, (variables, meaning) in VARIABLES.items():
        out.write(f"| `{argument}` | {', '.join(f'`{name}`' for name in variables)} | {meaning} |\n")
    return out.getvalue()


def command_line() -> str:
    """The help of every command."""
    import typer

    from sonde.cli.commands import app

    out = io.StringIO()
    out.write(
        "# Command line\n\n<!-- Written by `make docs` from src/sonde/cli. -->\n\n"
        "Exit codes: 0 done, 1 Sonde failed (or `sonde doctor` found something bad), 2 you can mend it, 130 interrupted.\n"
    )
    for name, help_text in _helps("sonde", typer.main.get_command(app)):
        out.write(f"\n## {name}\n\n```\n{help_text.strip()}\n```\n")
    return out.getvalue()


def _helps(name: str, command: Any) -> Iterator[tuple[str, str]]:
    """The name and help of a command and all below it."""
    context = command.make_context(
        name, ["--help"], resilient_parsing=True, terminal_width=HELP_WIDTH, max_content_width=HELP_WIDTH
    )
    yield name, "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    for below, subcommand in getattr(command, "commands", {}).items():
        yield from _helps(f"{name} {below}", subcommand)


PAGES: Mapping[str, Callable[[], str]] = {"configuration.md": configuration, "cli.md": command_line}


def main() -> None:
    """Write every page that differs, and say which."""
    os.environ["NO_COLOR"] = "1"
    for name, write in PAGES.items():
        file = REFERENCE / name
        before, after = file.read_text(encoding="utf-8") if file.exists() else "", write()
        changed = sum(
            line[:1] in "+-" for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
        )
        file.write_text(after, encoding="utf-8")
        print(f"docs/reference/{name}: {f'{changed} lines changed' if changed else 'up to date'}", file=sys.stderr)


if __name__ == "__main__":
    main()
