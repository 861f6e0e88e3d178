"""`sonde demo`: the server with a real small system and its traffic beside it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer

from sonde.cli import options

DEFAULT_DATA = Path("~/.local/share/sonde-demo")


def demo(
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the demo keeps its data; a second start goes on with it.")
    ] = DEFAULT_DATA,
    config: options.Config = None,
    listen: options.Listen = None,
) -> None:
    """Start Sonde with a live system beside it.

    A small shop with its traffic, LLM calls and scripted trouble. Ctrl-C ends all; a second start keeps the data.
    """
    from sonde.cli.settings import read_settings
    from sonde.store.cpu import require_avx2

    settings = read_settings(config, {"data": str(data), "listen": listen})
    require_avx2()

    from sonde.app import serve

    from sonde.demo.run import run_demo

    def shop(stop: threading.Event) -> None:
        run_demo(settings.otlp_http.url, settings.data, ui_url=settings.listen.url, stop=stop, say=_say)

    raise typer.Exit(serve(settings, beside=[shop]))


def _say(line: str) -> None:
    print(line, flush=True)
