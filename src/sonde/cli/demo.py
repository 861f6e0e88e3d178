"""`sonde demo`: the server with a real small system and its traffic beside it."""

from __future__ import annotations

from functools import partial
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
    incidents: Annotated[bool, typer.Option("--incidents/--quiet", help="Whether things go wrong.")] = True,
) -> None:
    """Start Sonde with a live system beside it.

    A small shop with its traffic, LLM calls, scripted trouble and the alerts that it raises. Ctrl-C ends all; a second
    start keeps the data.
    """
    from sonde.cli.log import configure_log
    from sonde.cli.settings import read_settings
    from sonde.demo.alerting import with_alerts
    from sonde.store.cpu import require_avx2

    settings = read_settings(config, {"data": str(data), "listen": listen})
    if not settings.collectors.enabled:  # the machine is a part of the live system
        collectors = settings.collectors.model_copy(update={"enabled": ("host",)})
        settings = settings.model_copy(update={"collectors": collectors})
    settings = with_alerts(settings)
    configure_log(settings.log)
    if settings.store.engine == "embedded":
        require_avx2()

    from sonde.app.serve import serve
    from sonde.demo.run import run_demo

    raise typer.Exit(serve(settings, beside=[partial(run_demo, incidents=incidents)]))
