"""Rule groups that people have put here through the API: one document each, by tenant, namespace and name.

``rules`` knows what the documents say. Every call is one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """A group as it is kept. ``updated_at`` is in Unix seconds, ``updated_by`` the name of a key."""

    namespace: str
    name: str
    document: str
    updated_at: float
    updated_by: str


_COLUMNS: Final = "namespace, name, document, updated_at, updated_by"
_OTHERS: Final = (
    "SELECT count(*) FROM rule_groups WHERE tenant = :tenant AND NOT (namespace = :namespace AND name = :name)"
)
_PUT: Final = sa.text(
    f"INSERT INTO rule_groups (tenant, {_COLUMNS})"
    " SELECT :tenant, :namespace, :name, :document, CAST(:updated_at AS DOUBLE PRECISION), :updated_by"
    f" WHERE ({_OTHERS}) < :most"
    " ON CONFLICT (tenant, namespace, name) DO UPDATE SET document = excluded.document,"
    " updated_at = excluded.updated_at, updated_by = excluded.updated_by"
)


def put_group(engine: sa.Engine, tenant: str, group: StoredGroup, *, most: int) -> bool:
    """Keep a group, in place of the one of its name if there is one; False: the tenant has ``most`` others already."""
    row = {
        "tenant": tenant,
        "namespace": group.namespace,
        "name": group.name,
        "document": group.document,
        "updated_at": group.updated_at,
        "updated_by": group.updated_by,
        "most": most,
    }
    with engine.begin() as connection:
        return bool(connection.execute(_PUT, row).rowcount)


def read_groups(engine: sa.Engine, tenant: str, *, namespace: str | None = None) -> Sequence[StoredGroup]:
    """The groups of a tenant, or of one of its namespaces, in order."""
    text = f"SELECT {_COLUMNS} FROM rule_groups WHERE tenant = :tenant"  # noqa: S608 - constants of this file
    if namespace is not None:
        text += " AND namespace = :namespace"
    with engine.connect() as connection:
        rows = connection.execute(
            sa.text(f"{text} ORDER BY namespace, name"), {"tenant": tenant, "namespace": namespace or ""}
        )
        return [StoredGroup(**row) for row in rows.mappings()]


def find_group(engine: sa.Engine, tenant: str, namespace: str, name: str) -> StoredGroup | None:
    """One group, if it is there."""
    query = sa.text(
        f"SELECT {_COLUMNS} FROM rule_groups"  # noqa: S608
        " WHERE tenant = :tenant AND namespace = :namespace AND name = :name"
    )
    with engine.connect() as connection:
        found = connection.execute(query, {"tenant": tenant, "namespace": namespace, "name": name}).mappings().first()
    return None if found is None else StoredGroup(**found)


def drop_group(engine: sa.Engine, tenant: str, namespace: str, name: str) -> bool:
    """Forget a group; False: there is none of that name."""
    query = sa.text("DELETE FROM rule_groups WHERE tenant = :tenant AND namespace = :namespace AND name = :name")
    with engine.begin() as connection:
        return bool(connection.execute(query, {"tenant": tenant, "namespace": namespace, "name": name}).rowcount)


def drop_namespace(engine: sa.Engine, tenant: str, namespace: str) -> int:
    """Forget all groups of a namespace; tells how many there were."""
    query = sa.text("DELETE FROM rule_groups WHERE tenant = :tenant AND namespace = :namespace")
    with engine.begin() as connection:
        return int(connection.execute(query, {"tenant": tenant, "namespace": namespace}).rowcount)


def tenants_with_groups(engine: sa.Engine) -> Sequence[str]:
    """The tenants that have groups, in order."""
    with engine.connect() as connection:
        return list(connection.execute(sa.text("SELECT DISTINCT tenant FROM rule_groups ORDER BY tenant")).scalars())
