"""What alerting remembers: alerts, silences, the notification log and what is about to be sent, as documents by key.

``notify`` knows what the documents say. Every call is one transaction.
"""

from __future__ import annotations

import enum
import secrets
from collections.abc import Iterable, Mapping
from typing import Final

import sqlalchemy as sa


class Kind(enum.StrEnum):
    """What is remembered."""

    ALERT = "alert"
    SILENCE = "silence"
    ENTRY = "entry"
    ATTEMPT = "attempt"
    ALIVE = "alive"
    ACKNOWLEDGEMENT = "acknowledgement"
    OVERRIDE = "override"
    """Who stands in for whoever is on call."""
    LADDER = "ladder"
    """How far an escalation has gone."""
    COOLDOWN = "cooldown"
    CHANGES = "changes"
    """Of an alert's state, of late."""
    SECRET = "secret"  # noqa: S105 - a word, not one
    """What links are signed with; belongs to nobody's tenant."""
    RUN = "run"
    WATCHDOG = "watchdog"
    DIGEST = "digest"


Change = tuple[Kind, str, str | None]
"""Kind, key, and the new document; None: the document goes."""

_NOBODY: Final = ""
_SECRET_BYTES: Final = 32
_PUT: Final = sa.text(
    "INSERT INTO alerting (tenant, kind, id, document) VALUES (:tenant, :kind, :id, :document)"
    " ON CONFLICT (tenant, kind, id) DO UPDATE SET document = excluded.document"
)
_PUT_ONCE: Final = sa.text(
    "INSERT INTO alerting (tenant, kind, id, document) VALUES (:tenant, :kind, :id, :document)"
    " ON CONFLICT (tenant, kind, id) DO NOTHING"
)
_READ: Final = sa.text("SELECT document FROM alerting WHERE tenant = :tenant AND kind = :kind AND id = :id")
_DROP: Final = sa.text("DELETE FROM alerting WHERE tenant = :tenant AND kind = :kind AND id = :id")


def change_documents(engine: sa.Engine, tenant: str, changes: Iterable[Change]) -> None:
    """Put and drop documents, all or none of them."""
    put, drop = [], []
    for kind, key, document in changes:
        row = {"tenant": tenant, "kind": kind.value, "id": key}
        if document is None:
            drop.append(row)
        else:
            put.append({**row, "document": document})
    if put or drop:
        with engine.begin() as connection:
            if put:
                connection.execute(_PUT, put)
            if drop:
                connection.execute(_DROP, drop)


def read_documents(engine: sa.Engine, tenant: str) -> Mapping[Kind, Mapping[str, str]]:
    """All documents of a tenant, by kind and key."""
    found: dict[Kind, dict[str, str]] = {kind: {} for kind in Kind}
    with engine.connect() as connection:
        query = sa.text("SELECT kind, id, document FROM alerting WHERE tenant = :tenant")
        for kind, key, document in connection.execute(query, {"tenant": tenant}):
            found[Kind(kind)][key] = document
    return found


def known_tenants(engine: sa.Engine) -> list[str]:
    """The tenants of whom anything is remembered."""
    with engine.connect() as connection:
        query = sa.text("SELECT DISTINCT tenant FROM alerting WHERE tenant <> :nobody ORDER BY tenant")
        return list(connection.execute(query, {"nobody": _NOBODY}).scalars())


def signing_secret(engine: sa.Engine, name: str) -> bytes:
    """The secret of this name, which is made when it is first asked for; two who ask at once get the same.

    >>> engine = sa.create_engine("sqlite://")
    >>> with engine.begin() as connection:
    ...     _ = connection.execute(
    ...         sa.text("CREATE TABLE alerting (tenant, kind, id, document, PRIMARY KEY (tenant, kind, id))")
    ...     )
    >>> len(signing_secret(engine, "links")), signing_secret(engine, "links") == signing_secret(engine, "links")
    (32, True)
    >>> engine.dispose()
    """
    place = {"tenant": _NOBODY, "kind": Kind.SECRET.value, "id": name}
    with engine.connect() as connection:
        known = connection.execute(_READ, place).scalar_one_or_none()
    if known is not None:
        return bytes.fromhex(known)
    with engine.begin() as connection:
        connection.execute(_PUT_ONCE, {**place, "document": secrets.token_hex(_SECRET_BYTES)})
        return bytes.fromhex(connection.execute(_READ, place).scalar_one())
