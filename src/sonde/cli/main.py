"""Entry point of `sonde`: finds the command, and turns errors into one readable line and an exit code.

Exit codes: 0 done, 1 Sonde failed or `sonde doctor` found something bad, 2 the caller can mend it, 130 interrupted.
`sonde run` works with the light installation, which lacks what the other commands are built with.
"""

from __future__ import annotations

import sys
from typing import NoReturn

from sonde.errors import SondeError, UserError


def main() -> NoReturn:
    """Run the command of ``sys.argv``, and exit."""
    try:
        sys.exit(_run(sys.argv[1:]))
    except SondeError as error:
        print(describe(error), file=sys.stderr)
        sys.exit(2 if isinstance(error, UserError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `sonde query … | head`
        sys.stderr.close()
        sys.exit(0)


def describe(error: SondeError) -> str:
    """Write an error for a terminal.

    >>> print(describe(UserError("unknown function ratee", hint="did you mean rate?", position=(1, 15))))
    sonde: 1:15: unknown function ratee
      did you mean rate?
    """
    where = f"{error.position[0]}:{error.position[1]}: " if error.position else ""
    return f"sonde: {where}{error.message}" + (f"\n  {error.hint}" if error.hint else "")


def _run(arguments: list[str]) -> int:
    if arguments[:1] == ["run"]:
        from sonde.cli import run

        return run.main(arguments[1:])
    try:
        from sonde.cli.commands import app

        app(arguments, prog_name="sonde")  # exits by itself
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in {"", "sonde"}:
            raise
        raise UserError(
            f"this command needs the package {package}, which is not installed",
            code="cli.missing_extra",
            hint="pip install 'sonde[server]'",
        ) from error
    return 0
