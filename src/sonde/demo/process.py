"""What all processes of the demo share: how they are told their addresses, how they serve, and when they end.

A process ends on SIGTERM, and when its standard input is closed: the supervisor holds the other end, so no demo process
outlives it, not even after ``kill -9``. Either way the interpreter exits in order, and telemetry is flushed.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import uvicorn

_LAST_SECONDS = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where everything is. URLs have no trailing slash; ``listen_fd`` is an inherited socket that already listens."""

    sonde: str
    provider: str
    ml_engine: str
    backend: str
    data_dir: Path
    seed: int
    incidents: int = 1
    """0: nothing goes wrong."""
    listen_fd: int = -1

    def arguments(self) -> list[str]:
        """As command line arguments that ``parse_settings`` reads.

        >>> told = Settings(sonde="s", provider="p", ml_engine="m", backend="b", data_dir=Path("/d"), seed=1)
        >>> parse_settings(told.arguments()) == told
        True
        """
        pairs = ((_flag(field.name), str(getattr(self, field.name))) for field in fields(self))
        return [word for pair in pairs for word in pair]


def parse_settings(arguments: Sequence[str]) -> Settings:
    """Read what ``Settings.arguments`` wrote; complains to standard error and exits on anything else."""
    parser = argparse.ArgumentParser()
    types: dict[str, type] = {"data_dir": Path, "seed": int, "incidents": int, "listen_fd": int}
    for field in fields(Settings):
        parser.add_argument(_flag(field.name), type=types.get(field.name, str), required=True)
    return Settings(**vars(parser.parse_args(arguments)))


def begin() -> Settings:
    """The first call of each process: read the settings, and from now on end when told to or when left alone."""
    for chatty in ("httpx", "httpx2"):  # one line for each request, which has a span already
        logging.getLogger(chatty).setLevel(logging.WARNING)
    signal.signal(signal.SIGTERM, _exit_in_order)
    threading.Thread(target=_follow_supervisor, name="follow-supervisor", daemon=True).start()
    return parse_settings(sys.argv[1:])


def serve(app: Any, listen_fd: int) -> None:
    """Serve an ASGI application on the inherited socket until SIGTERM."""
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=listen_fd)])


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _exit_in_order(_signal: int, _frame: object) -> None:
    sys.exit(0)


def _follow_supervisor() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(_LAST_SECONDS)
    os._exit(1)
