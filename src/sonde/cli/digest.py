"""`sonde digest preview`: what the weekly digest would say now, asked of a running Sonde."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sonde.cli import options

group = typer.Typer(help="The weekly digest.", no_args_is_help=True)


@group.callback()
def _group() -> None:
    """A group, though it has one command so far."""


@group.command("preview")
def preview(
    html: Annotated[bool, typer.Option("--html", help="The HTML of the e-mail instead of the text.")] = False,
    server: options.Server = options.DEFAULT_SERVER,
    key: options.ApiKey = "",
    tenant: options.Tenant = "",
) -> None:
    """Print the digest of the last seven days. Nothing is sent.

    sonde digest preview --html > digest.html
    """
    from sonde.cli.connection import Connection

    found = Connection(server, key, tenant).get("/digest", timeout_seconds=300)
    sys.stdout.write(found["html"] if html else found["text"])
