"""``python -m sonde.demo --server http://127.0.0.1:4318 --ui http://127.0.0.1:3000 --data DIR``: the demo alone."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from sonde.demo.run import run_demo
from sonde.errors import SondeError


def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m sonde.demo", description="Run the demo beside a server of Sonde.")
    parser.add_argument("--server", default="http://127.0.0.1:4318", help="where OTLP over HTTP is accepted")
    parser.add_argument("--ui", default="http://127.0.0.1:3000", help="where the web UI is")
    parser.add_argument("--data", type=Path, required=True, help="a directory for the demo's files")
    arguments = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        run_demo(arguments.server, arguments.data, ui_url=arguments.ui, stop=stop, say=_say)
    except SondeError as error:
        _say(str(error))
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(_main())
