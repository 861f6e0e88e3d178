"""Brings a store's schema to this version: numbered SQL files, each applied once, each safe to apply again.

A file that was cut off half way is simply run again, since every statement says IF NOT EXISTS. A store made by a newer
Sonde is refused, because an older one would not fill its new columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

from sonde.errors import Conflict
from sonde.store.client import DATABASE, Client
from sonde.store.dialect import Cluster, expand

_FILE = re.compile(r"(\d{4})_(\w+)\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One schema file: its number, its name, its text before the schema's words are expanded."""

    version: int
    name: str
    text: str

    def statements(self, cluster: Cluster | None = None) -> Iterator[str]:
        """The file's statements as ClickHouse runs them; comments are gone."""
        without_comments = re.sub(r"^\s*--.*$", "", self.text, flags=re.MULTILINE)
        for statement in expand(without_comments, cluster).split(";\n"):
            if statement.strip():
                yield statement.strip()


def migrations() -> list[Migration]:
    """All schema files of this version, in order."""
    found = []
    for entry in resources.files("sonde.store.schema").iterdir():
        match = _FILE.fullmatch(entry.name)
        if match:
            found.append(Migration(int(match[1]), match[2], entry.read_text(encoding="utf-8")))
    return sorted(found, key=lambda migration: migration.version)


def migrate(client: Client, cluster: Cluster | None = None) -> list[Migration]:
    """Apply what the store does not have yet; returns what was applied.

    Raises:
        Conflict: the store has a schema newer than this version knows.
    """
    client.command(f"CREATE DATABASE IF NOT EXISTS {DATABASE} {expand('{on_cluster}', cluster)}")
    client.command(
        expand(
            "CREATE TABLE IF NOT EXISTS schema_migrations {on_cluster} "
            "(version UInt32, name String, applied_at DateTime DEFAULT now()) "
            "ENGINE = {engine Replacing} ORDER BY version",
            cluster,
        )
    )
    rows = client.query("SELECT DISTINCT version FROM schema_migrations").rows
    applied = {version for (version,) in rows if isinstance(version, int)}
    known = migrations()
    newest = known[-1].version
    if applied and max(applied) > newest:
        raise Conflict(
            f"the store has schema version {max(applied)}, this Sonde knows up to {newest}",
            code="store_is_newer",
            hint="start the newer Sonde, or restore a backup made by this one",
        )
    missing = [migration for migration in known if migration.version not in applied]
    for migration in missing:
        for statement in migration.statements(cluster):
            client.command(statement)
        client.insert_rows(
            "schema_migrations",
            ("version", "name"),
            [(migration.version, migration.name)],
            token=f"schema-{migration.version}",
        )
    return missing
