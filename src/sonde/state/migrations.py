"""The state schema as numbered steps that only add: an applied step is never edited, a new one goes to the end.

Plain SQL that SQLite and PostgreSQL both read. Times are Unix seconds as floats; ids are text made by Sonde.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: its number, its name, its statements."""

    version: int
    name: str
    statements: tuple[str, ...]


MIGRATIONS: Final = (
    Migration(
        1,
        "keys_sessions_audit",
        (
            """
            CREATE TABLE api_keys (
              id TEXT PRIMARY KEY,
              hash TEXT NOT NULL UNIQUE,
              name TEXT NOT NULL,
              tenant TEXT NOT NULL,
              role TEXT NOT NULL,
              created_at DOUBLE PRECISION NOT NULL,
              expires_at DOUBLE PRECISION,
              last_used_at DOUBLE PRECISION,
              revoked_at DOUBLE PRECISION
            )
            """,
            """
            CREATE TABLE sessions (
              hash TEXT PRIMARY KEY,
              key_id TEXT NOT NULL,
              created_at DOUBLE PRECISION NOT NULL,
              expires_at DOUBLE PRECISION NOT NULL
            )
            """,
            """
            CREATE TABLE audit_log (
              id TEXT PRIMARY KEY,
              at DOUBLE PRECISION NOT NULL,
              actor TEXT NOT NULL,
              tenant TEXT NOT NULL,
              action TEXT NOT NULL,
              subject TEXT NOT NULL,
              peer TEXT NOT NULL
            )
            """,
            "CREATE INDEX audit_log_at ON audit_log (at)",
        ),
    ),
    Migration(
        2,
        "alerting",
        (
            """
            CREATE TABLE alerting (
              tenant TEXT NOT NULL,
              kind TEXT NOT NULL,
              id TEXT NOT NULL,
              document TEXT NOT NULL,
              PRIMARY KEY (tenant, kind, id)
            )
            """,
        ),
    ),
    Migration(
        3,
        "rule_groups",
        (
            """
            CREATE TABLE rule_groups (
              tenant TEXT NOT NULL,
              namespace TEXT NOT NULL,
              name TEXT NOT NULL,
              document TEXT NOT NULL,
              updated_at DOUBLE PRECISION NOT NULL,
              updated_by TEXT NOT NULL,
              PRIMARY KEY (tenant, namespace, name)
            )
            """,
        ),
    ),
    Migration(
        4,
        "notifications",
        (
            """
            CREATE TABLE notifications (
              id TEXT PRIMARY KEY,
              tenant TEXT NOT NULL,
              at DOUBLE PRECISION NOT NULL,
              receiver TEXT NOT NULL,
              integration TEXT NOT NULL,
              status TEXT NOT NULL,
              error TEXT NOT NULL,
              document TEXT NOT NULL
            )
            """,
            "CREATE INDEX notifications_at ON notifications (tenant, at)",
        ),
    ),
)
