"""`sonde run -- python app.py`: the command, with every library that it uses instrumented (``sdk.bootstrap``).

Reads its arguments with argparse: a service has the light installation, which has no Typer.
"""

from __future__ import annotations

import argparse
import sys


def run() -> None:
    """Run a Python program, instrumented.

    sonde run [--service NAME] -- python app.py
    """
    sys.exit(main(sys.argv[2:]))


def main(arguments: list[str]) -> int:
    """Run the command after the options; its exit code is ours."""
    parser = argparse.ArgumentParser(
        prog="sonde run",
        usage="sonde run [--service NAME] [--] COMMAND [ARGUMENT ...]",
        description="Run a Python program with tracing, metrics and logs switched on, without a change to it.",
        epilog="Example: sonde run --service shop -- uvicorn shop.main:app",
    )
    parser.add_argument("--service", help="the service's name; also OTEL_SERVICE_NAME")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND", help="the program and its arguments")
    options = parser.parse_args(arguments)
    command: list[str] = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        parser.error("no command to run, for example: sonde run -- python app.py")

    from sonde.sdk.bootstrap import run as run_instrumented

    return run_instrumented(command, service=options.service)
