"""`sonde keys create | list | revoke`: who may send and ask; works on the data directory, server running or not."""

from __future__ import annotations

import enum
import getpass
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonde.cli import options
from sonde.cli.format import Format

if TYPE_CHECKING:
    from sqlalchemy import Engine

group = typer.Typer(help="API keys: create, list, revoke.", no_args_is_help=True)


class RoleName(enum.StrEnum):
    """The roles of ``telemetry.tenancy.Role``, as they are typed."""

    INGEST = "ingest"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


@group.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who uses it: a service, a person, a laptop.")],
    role: Annotated[
        RoleName, typer.Option(help="What it may do; each may do what those before it may.")
    ] = RoleName.INGEST,
    tenant: Annotated[
        str, typer.Option(metavar="TENANT", help="Whose data; * may choose with every request.")
    ] = "default",
    expires_in: Annotated[
        str, typer.Option(metavar="DURATION", help="Like 90d; without it, never.", show_default=False)
    ] = "",
    config: options.Config = None,
    data: options.Data = None,
) -> None:
    """Make a key and print it, this once.

    The key alone goes to stdout, so that a script can keep it.
    """
    from sonde.state.api_keys import create_key
    from sonde.telemetry.duration import parse_duration
    from sonde.telemetry.tenancy import Role

    now = time.time()
    state = _open_state(config, data)
    secret, key = create_key(
        state,
        name=name,
        tenant=tenant,
        role=Role[role.name],
        now=now,
        expires_at=now + parse_duration(expires_in).total_seconds() if expires_in else None,
    )
    _note(state, now, "key.create", f"{key.id} ({role.value} of {key.tenant})")
    print(secret)
    print(f"Key {key.id}: {role.value} of tenant {key.tenant}. It is not kept and not shown again.", file=sys.stderr)


@group.command("list")
def list_keys(
    format: Annotated[Format, typer.Option(help="How rows are written.")] = Format.TABLE,  # noqa: A002 -- the flag's name
    config: options.Config = None,
    data: options.Data = None,
) -> None:
    """List all keys ever made, the newest first."""
    from sonde.cli.rows import write_rows
    from sonde.state.api_keys import list_keys as read_keys

    names = ["id", "name", "tenant", "role", "created", "last used", "state"]
    rows = [
        [key.id, key.name, key.tenant, key.role.name.lower(), _day(key.created_at), _day(key.last_used_at), state]
        for key in read_keys(_open_state(config, data))
        for state in (_state(key.revoked_at, key.expires_at),)
    ]
    write_rows(sys.stdout, format.value, names, rows)


@group.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `sonde keys list` shows it.")],
    config: options.Config = None,
    data: options.Data = None,
) -> None:
    """Close a key for ever."""
    from sonde.state.api_keys import revoke_key

    state, now = _open_state(config, data), time.time()
    revoke_key(state, key, now=now)
    _note(state, now, "key.revoke", key)
    print(f"Key {key} is revoked. A running server refuses it within a few seconds.", file=sys.stderr)


def _note(state: Engine, now: float, action: str, subject: str) -> None:
    """Write down who did it: the user of this machine."""
    from sonde.state.audit_log import AuditEntry, record

    record(state, AuditEntry(now, getpass.getuser(), "*", action, subject, "command line"))


def _open_state(config: Path | None, data: Path | None) -> Engine:
    from sonde.cli.settings import read_settings
    from sonde.state.database import open_database

    return open_database(read_settings(config, {"data": None if data is None else str(data)}).data)


def _state(revoked_at: float | None, expires_at: float | None) -> str:
    if revoked_at is not None:
        return f"revoked {_day(revoked_at)}"
    if expires_at is None:
        return "valid"
    return f"{'valid until' if time.time() < expires_at else 'expired'} {_day(expires_at)}"


def _day(moment: float | None) -> str | None:
    return None if moment is None else f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
