"""Opens a store: the engine, mended if it must be, with its schema brought to this version."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from sonde.errors import Conflict
from sonde.store import definitions
from sonde.store.client import Client
from sonde.store.dialect import Cluster
from sonde.store.embedded import EmbeddedClickHouse, EngineCaps
from sonde.store.migrate import migrate
from sonde.store.server import ClickHouseServer, ServerAddress

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """An open store, and what had to be mended or set aside to open it, in words."""

    client: Client
    messages: list[str]


def open_embedded(directory: Path, caps: EngineCaps) -> Opened:
    """Open the embedded engine below a data directory. Blocks for some 0.5 s; not for the main thread.

    Raises:
        Conflict: it does not open, and putting its table definitions back did not help; or it is from a newer Sonde.
    """
    engine, copies = directory / "engine", directory / "definitions"
    messages: list[str] = []
    try:
        client = EmbeddedClickHouse(engine, caps)
    except Conflict as error:
        messages = definitions.mend(engine, copies, directory / "quarantine" / "definitions")
        if not messages:
            raise
        logger.warning("the store did not open (%s); mended: %s", error.message, "; ".join(messages))
        client = EmbeddedClickHouse(engine, caps)
    try:
        migrate(client)
        messages += _detached_parts(client)
    except BaseException:
        client.close()
        raise
    definitions.keep(engine, copies)
    for message in messages:
        logger.warning(message)
    return Opened(client, messages)


def open_server(address: ServerAddress, cluster: Cluster | None) -> Opened:
    """Connect to a ClickHouse server and bring its schema to this version.

    Raises:
        Unavailable: it does not answer.
        Conflict: its schema is from a newer Sonde.
    """
    client = ClickHouseServer(address)
    migrate(client, cluster)
    return Opened(client, [])


def _detached_parts(client: Client) -> list[str]:
    """Parts that the engine found broken at this or an earlier start; they stay on disk, out of every answer."""
    rows = client.query(
        "SELECT table, count(), sum(bytes_on_disk) FROM system.detached_parts "
        "WHERE database = currentDatabase() AND reason LIKE 'broken%' GROUP BY table ORDER BY table"
    ).rows
    return [
        f"{count} broken parts of {table} ({size} bytes) are set aside, in the engine's `detached` folder"
        for table, count, size in rows
    ]
