"""Browser sessions: a key typed in once becomes a cookie that can be forgotten. They end with their key."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from sonde.state.secret import hash_secret, new_secret

SESSION_SECONDS: Final = 30 * 86_400.0


def open_session(engine: sa.Engine, key_id: str, *, now: float) -> str:
    """Begin a session with a key; returns the cookie's secret, which is not kept. Clears away what has ended."""
    secret = new_secret()
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM sessions WHERE expires_at <= :now"), {"now": now})
        connection.execute(
            sa.text("INSERT INTO sessions (hash, key_id, created_at, expires_at) VALUES (:hash, :key, :now, :end)"),
            {"hash": hash_secret(secret), "key": key_id, "now": now, "end": now + SESSION_SECONDS},
        )
    return secret


def find_session(engine: sa.Engine, secret: str, *, now: float) -> str | None:
    """The id of the key that a session was opened with, while the session lasts; the key may be invalid by now."""
    query = sa.text("SELECT key_id FROM sessions WHERE hash = :hash AND expires_at > :now")
    with engine.connect() as connection:
        key_id = connection.execute(query, {"hash": hash_secret(secret), "now": now}).scalar()
    return None if key_id is None else str(key_id)


def close_session(engine: sa.Engine, secret: str) -> None:
    """Forget a session; nothing happens when it has ended already."""
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM sessions WHERE hash = :hash"), {"hash": hash_secret(secret)})
