# ruff: noqa: INP001 - a folder for PYTHONPATH, not a package
"""Found by Python at start-up when ``sonde run`` has put this folder on PYTHONPATH; sets Sonde up, then steps aside.

Not a part of the package to import: the folder has no ``__init__``. Another ``sitecustomize`` on the path still runs.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is slow to import here


def _run_the_next_one() -> None:
    elsewhere = [entry for entry in sys.path if os.path.abspath(entry) != _HERE]  # noqa: PTH100
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", elsewhere)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def _set_up() -> None:
    try:
        from sonde.sdk.bootstrap import set_up
    except ImportError as error:
        sys.stderr.write(f"sonde run: this Python has no Sonde, so nothing is traced ({error}); pip install sonde\n")
    else:
        set_up()


if os.environ.get("SONDE_RUN"):
    _set_up()
_run_the_next_one()
