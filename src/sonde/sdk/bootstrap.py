"""``sonde run -- python app.py``: the same command, set up for Sonde without a change to its code.

``run`` puts the folder ``bootstrap_site`` on PYTHONPATH and becomes the command. Each Python that is started by it, at
any depth (``uvicorn --reload``, gunicorn, ``sh start.sh``), finds the ``sitecustomize`` there, which calls ``set_up``.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from sonde.errors import NotFound, UserError
from sonde.sdk.guard import guard

_MARK = "SONDE_RUN"
_SITE = str(Path(__file__).parent / "bootstrap_site")


def run(command: Sequence[str], service: str | None = None) -> NoReturn:
    """Become ``command``, with Sonde set up in it; raises ``UserError`` when there is no such command."""
    if not command:
        raise UserError("no command to run", code="sdk.no_command", hint="write it like: sonde run -- python app.py")
    environ = prepared(os.environ, service)
    program = shutil.which(command[0], path=environ["PATH"])
    if program is None:
        raise NotFound(
            f"there is no command {command[0]!r}", code="sdk.no_command", hint="is it installed, and on PATH?"
        )
    os.execve(program, [*command], environ)  # noqa: S606 - running the user's command is the purpose


def prepared(environ: Mapping[str, str], service: str | None) -> dict[str, str]:
    """The environment for the command. Programs that lie beside this Python come first: the others have no Sonde.

    >>> prepared({"PATH": "/bin", "PYTHONPATH": "src"}, "shop")["PYTHONPATH"].endswith("bootstrap_site:src")
    True
    """
    inherited = [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry and entry != _SITE]
    beside = str(Path(sys.executable).parent)
    path = environ.get("PATH", os.defpath)
    prepared = {
        **environ,
        "PYTHONPATH": os.pathsep.join([_SITE, *inherited]),
        "PATH": path if beside in path.split(os.pathsep) else os.pathsep.join([beside, path]),
    }
    prepared[_MARK] = "1"
    if service:
        prepared["SONDE_SERVICE"] = service
    return prepared


def set_up() -> None:
    """What happens in the started Python before its own code: ``configure`` and ``instrument``."""
    with guard("sdk.bootstrap"):
        from sonde.sdk.configure import configure
        from sonde.sdk.instrument import instrument

        configure()
        instrument()
