"""Opens the state database and brings its schema to this version.

SQLite in a file of the data directory (write-ahead log, so readers never wait for a writer), or any URL that SQLAlchemy
knows, for several nodes on one PostgreSQL. All calls block for well under a millisecond on SQLite.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from sonde.errors import Conflict
from sonde.state.migrations import MIGRATIONS

FILE_NAME = "state.db"


def open_database(data: Path, url: str | None = None) -> sa.Engine:
    """Open, or make, the database; afterwards its schema is this version's.

    Raises:
        Conflict: it was written by a newer Sonde.
    """
    if url is None:
        data.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(f"sqlite:///{data / FILE_NAME}", connect_args={"timeout": 10})
    else:
        engine = sa.create_engine(url, pool_pre_ping=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    _migrate(engine)
    if url is None:
        (data / FILE_NAME).chmod(0o600)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", "busy_timeout = 10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _migrate(engine: sa.Engine) -> None:
    """Apply what is missing, each migration in a transaction of its own with the note that it was applied."""
    with engine.begin() as connection:
        connection.execute(
            sa.text("CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        )
        applied = set(connection.execute(sa.text("SELECT version FROM schema_migrations")).scalars())
    newest = MIGRATIONS[-1].version
    if applied and max(applied) > newest:
        raise Conflict(
            f"the state database has schema version {max(applied)}, this Sonde knows up to {newest}",
            code="state_is_newer",
            hint="start the newer Sonde",
        )
    for migration in MIGRATIONS:
        if migration.version in applied:
            continue
        with engine.begin() as connection:
            for statement in migration.statements:
                connection.execute(sa.text(statement))
            connection.execute(
                sa.text("INSERT INTO schema_migrations (version, name) VALUES (:version, :name)"),
                {"version": migration.version, "name": migration.name},
            )
