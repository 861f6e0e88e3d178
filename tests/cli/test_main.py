"""The command line as a whole: help, errors and exit codes of the real entry point."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.cli.conftest import Sonde

from sonde.cli.commands import COMMANDS, GROUPS


def test_help_lists_every_command(sonde: Sonde):
    result = sonde("--help")
    assert result.returncode == 0
    listed = {line.split()[0] for line in result.stdout.partition("Commands:")[2].splitlines() if line.startswith("  ")}
    assert {*COMMANDS, *GROUPS, "run"} <= listed


def test_help_loads_nothing_heavy():
    heavy = ("chdb", "numpy", "pandas", "fastapi", "starlette", "sqlalchemy", "grpc", "google", "opentelemetry", "yaml")
    code = f"import sys, sonde.cli.commands; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["serv"], "No such command 'serv'. Did you mean 'serve'?"),
        (["serve", "--lisen", "x"], "No such option: --lisen"),
        (["serve", "--listen", "nowhere"], "--listen: 'nowhere' is not an address; write it like 127.0.0.1:3000"),
        (["serve", "--config", "absent.yaml"], "absent.yaml cannot be read: No such file or directory"),
        (
            ["query", "sql", "SELECT 1", "--param", "x"],
            "--param 'x' has no value\n  write it like --param service=shop",
        ),
        (["query", "sql", "SELECT 1", "--server", "ftp://x"], "'ftp://x' is not an address of a server"),
        (["run"], "no command to run, for example: sonde run -- python app.py"),
    ],
)
def test_what_the_caller_can_mend_is_one_readable_message_and_exit_code_2(
    sonde: Sonde, arguments: list[str], message: str
):
    result = sonde(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_version_names_sonde_python_and_the_engine(sonde: Sonde):
    lines = sonde("version").stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["sonde", "python", "chdb-core"]


def test_a_missing_package_is_named_with_its_cure():
    code = "import sys; sys.modules['typer'] = None; sys.argv = ['sonde', 'serve']; from sonde.cli.main import main; main()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (
        2,
        "sonde: this command needs the package typer, which is not installed\n  pip install 'sonde[server]'\n",
    )


def test_run_starts_the_program_and_its_exit_code_is_ours(sonde: Sonde):
    program = "import os, sys; print(os.environ['SONDE_SERVICE'], sys.argv[1:]); sys.exit(7)"
    result = sonde("run", "--service", "shop", "--", sys.executable, "-c", program, "--help", SONDE_ENABLED="false")
    assert (result.returncode, result.stdout) == (7, "shop ['--help']\n")


def test_run_says_when_there_is_no_such_program(sonde: Sonde):
    result = sonde("run", "nonesuch")
    assert (result.returncode, result.stderr) == (
        2,
        "sonde: there is no command 'nonesuch'\n  is it installed, and on PATH?\n",
    )
