"""API keys: who may send or ask, for which tenant, until when. The key itself is shown once, when it is made."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from sonde.errors import NotFound, UserError
from sonde.state.secret import KEY_PREFIX, hash_secret, new_secret
from sonde.telemetry.tenancy import Role, parse_tenant

EVERY_TENANT: Final = "*"
_COLUMNS: Final = "id, name, tenant, role, created_at, expires_at, last_used_at, revoked_at"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as people see it later: all but the secret. Tenant ``*`` may choose its tenant with every request."""

    id: str
    name: str
    tenant: str
    role: Role
    created_at: float
    expires_at: float | None
    last_used_at: float | None
    revoked_at: float | None

    def is_valid(self, *, at: float) -> bool:
        """Whether the key opens anything at that time."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


def create_key(
    engine: sa.Engine, *, name: str, tenant: str, role: Role, now: float, expires_at: float | None = None
) -> tuple[str, ApiKey]:
    """Make a key; returns the secret, which is not kept, and the key.

    Raises:
        UserError: the name is empty or the tenant's name is not allowed.
    """
    if not 1 <= len(name.strip()) <= 200:
        raise UserError("a key needs a name of 1 to 200 characters", code="bad_key_name", hint="say who uses it")
    if tenant != EVERY_TENANT:
        tenant = parse_tenant(tenant)
    secret = new_secret(KEY_PREFIX)
    key = ApiKey(uuid.uuid4().hex, name.strip(), tenant, role, now, expires_at, None, None)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO api_keys (id, hash, name, tenant, role, created_at, expires_at)"
                " VALUES (:id, :hash, :name, :tenant, :role, :created_at, :expires_at)"
            ),
            {
                "id": key.id,
                "hash": hash_secret(secret),
                "name": key.name,
                "tenant": key.tenant,
                "role": key.role.name.lower(),
                "created_at": now,
                "expires_at": expires_at,
            },
        )
    return secret, key


def read_key(engine: sa.Engine, key_id: str) -> ApiKey | None:
    """The key of an id, valid or not."""
    query = sa.text(f"SELECT {_COLUMNS} FROM api_keys WHERE id = :id")  # noqa: S608 - our own column names
    with engine.connect() as connection:
        row = connection.execute(query, {"id": key_id}).mappings().first()
    return None if row is None else _key(row)


def keys_by_hash(engine: sa.Engine) -> dict[str, ApiKey]:
    """All keys that are not revoked, by the hash of their secret: what a server keeps in memory."""
    query = sa.text(f"SELECT hash, {_COLUMNS} FROM api_keys WHERE revoked_at IS NULL")  # noqa: S608
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return {row.pop("hash"): _key(row) for row in rows}


def list_keys(engine: sa.Engine) -> list[ApiKey]:
    """All keys ever made, the newest first."""
    with engine.connect() as connection:
        rows = connection.execute(sa.text(f"SELECT {_COLUMNS} FROM api_keys ORDER BY created_at DESC")).mappings()  # noqa: S608
        return [_key(row) for row in rows]


def revoke_key(engine: sa.Engine, key_id: str, *, now: float) -> None:
    """Close a key, and all sessions opened with it, for ever.

    Raises:
        NotFound: there is no such key, or it is revoked already.
    """
    with engine.begin() as connection:
        update = sa.text("UPDATE api_keys SET revoked_at = :now WHERE id = :id AND revoked_at IS NULL")
        if connection.execute(update, {"now": now, "id": key_id}).rowcount == 0:
            raise NotFound(f"no key {key_id} that could be revoked", code="key_not_found")
        connection.execute(sa.text("DELETE FROM sessions WHERE key_id = :id"), {"id": key_id})


def touch_keys(engine: sa.Engine, used: Mapping[str, float]) -> None:
    """Note when keys were last used, by id; callers gather uses and do this now and then."""
    if used:
        with engine.begin() as connection:
            update = sa.text("UPDATE api_keys SET last_used_at = :at WHERE id = :id")
            connection.execute(update, [{"id": key_id, "at": at} for key_id, at in used.items()])


def _key(row: Any) -> ApiKey:
    return ApiKey(**{**row, "role": Role[row["role"].upper()]})
