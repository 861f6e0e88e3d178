"""`sonde tail`: log records as they arrive, from the server's live stream."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from sonde.cli import options
from sonde.cli.rows import printable

LEVEL_COLOURS = {"trace": "90", "debug": "90", "info": "36", "warn": "33", "error": "31", "fatal": "1;31"}


def tail(
    service: Annotated[str, typer.Option(metavar="NAME", help="Only of this service.", show_default=False)] = "",
    level: Annotated[
        list[str] | None, typer.Option(metavar="LEVEL", help="Only of this level; repeat.", show_default=False)
    ] = None,
    search: Annotated[
        str, typer.Option(metavar="TEXT", help="Only with this text in the message.", show_default=False)
    ] = "",
    attribute: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Only with this attribute; repeat.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    server: options.Server = options.DEFAULT_SERVER,
    key: options.ApiKey = "",
    tenant: options.Tenant = "",
) -> None:
    """Print log records as they arrive.

    Ctrl-C ends it.
    """
    from sonde.cli.connection import Connection

    filters = {"service": service, "level": level, "search": search, "attribute": attribute}
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    events = Connection(server, key, tenant).events(
        "/logs/live", {name: value for name, value in filters.items() if value}
    )
    try:
        for event, data in events:
            if event == "record":
                print(data if as_json else format_record(json.loads(data), colour=colour), flush=True)
            elif event == "dropped":
                print(f"… {json.loads(data)['count']} records were left out: they came too fast", file=sys.stderr)
    except KeyboardInterrupt:
        return
    print("The server ended the stream.", file=sys.stderr)


def format_record(record: Mapping[str, Any], *, colour: bool) -> str:
    """One record as a line: time, level, service, message, then attributes and the start of its trace's id."""
    moment = datetime.fromtimestamp(int(record["time_unix_nano"]) / 1e9).astimezone()
    level = str(record["level"])
    body = printable(str(record["body"])).replace("\n", "\n    ")
    extra = {
        **record.get("attributes", {}),
        **({"trace": str(record["trace_id"])[:8]} if record.get("trace_id") else {}),
    }
    details = " ".join(f"{printable(name)}={_value(value)}" for name, value in extra.items())
    head = (
        f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d} {level.upper():<5} {printable(str(record['service'])):<14}"
    )
    if not colour:
        return f"{head} {body}  {details}".rstrip()
    return f"\x1b[{LEVEL_COLOURS.get(level, '0')}m{head}\x1b[0m {body}  \x1b[90m{details}\x1b[0m".rstrip()


def _value(value: object) -> str:
    text = printable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).replace("\n", "\\n")
    return text if text and " " not in text else json.dumps(text, ensure_ascii=False)
