"""The audit log: who changed what, and when. Entries are only ever added."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

MAX_ENTRIES: Final = 1000


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One deed: ``actor`` did ``action`` (``key.create``) to ``subject``, from ``peer``."""

    at: float
    actor: str
    tenant: str
    action: str
    subject: str
    peer: str


def record(engine: sa.Engine, entry: AuditEntry) -> None:
    """Add an entry."""
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO audit_log (id, at, actor, tenant, action, subject, peer)"
                " VALUES (:id, :at, :actor, :tenant, :action, :subject, :peer)"
            ),
            {
                "id": uuid.uuid4().hex,
                "at": entry.at,
                "actor": entry.actor,
                "tenant": entry.tenant,
                "action": entry.action,
                "subject": entry.subject,
                "peer": entry.peer,
            },
        )


def newest_entries(engine: sa.Engine, *, tenant: str | None = None, limit: int = 100) -> list[AuditEntry]:
    """The newest entries of a tenant, or of all, newest first."""
    query = sa.text(
        "SELECT at, actor, tenant, action, subject, peer FROM audit_log"
        " WHERE :tenant IS NULL OR tenant = :tenant ORDER BY at DESC, id LIMIT :limit"
    )
    with engine.connect() as connection:
        rows = connection.execute(query, {"tenant": tenant, "limit": min(max(limit, 1), MAX_ENTRIES)}).mappings()
        return [AuditEntry(**row) for row in rows]
