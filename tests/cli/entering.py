"""`sonde` within the test's own process, for tests that call it often: the same entry point, without starting Python."""

from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest
from tests.cli.conftest import Sonde

from sonde.cli.main import main


def entered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sonde:
    """Run `sonde` with arguments, and an environment that says nothing about it."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        with monkeypatch.context() as patch:
            for name in list(os.environ):
                if name.startswith(("SONDE_", "OTEL_")):
                    patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["sonde", *arguments])
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        said = capsys.readouterr()
        code = ended.value.code
        return subprocess.CompletedProcess(arguments, code if isinstance(code, int) else 0, said.out, said.err)

    return run
