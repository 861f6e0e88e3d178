"""`sonde import`: metrics that were written to a file, into a running Sonde."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sonde.cli import options

group = typer.Typer(help="Take in what was written elsewhere.", no_args_is_help=True)


@group.command("openmetrics")
def openmetrics(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="OpenMetrics, or Prometheus' text format.")],
    server: options.Server = options.DEFAULT_SERVER,
    key: options.ApiKey = "",
    tenant: options.Tenant = "",
) -> None:
    """Send a file of metrics, however old and however large, to a running Sonde.

    Samples without a time of their own have that of the import. Native histograms have no text form.

    sonde import openmetrics backfill.om
    """
    import time

    from sonde.cli.connection import Connection
    from sonde.cli.sending import send_pieces
    from sonde.errors import NotFound
    from sonde.receivers.prometheus.metrics_file import is_openmetrics, read_pieces

    try:
        opened = file.open("rb")
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}", code="import.file") from None
    with opened:
        pieces = read_pieces(opened, openmetrics=is_openmetrics(opened), now_milli=time.time_ns() // 1_000_000)
        sent = send_pieces(Connection(server, key, tenant, api="/prometheus/api/v1"), pieces)
    typer.echo(f"{sent.samples} samples of {file} are stored")
    for message in sent.rejections:
        typer.echo(message, err=True)
    if sent.rejections:
        raise typer.Exit(1)
