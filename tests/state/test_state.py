"""The state database: its schema, API keys, sessions and the audit log."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sonde.errors import Conflict, NotFound, UserError
from sonde.state.api_keys import ApiKey, create_key, keys_by_hash, list_keys, read_key, revoke_key, touch_keys
from sonde.state.audit_log import AuditEntry, newest_entries, record
from sonde.state.database import open_database
from sonde.state.migrations import MIGRATIONS
from sonde.state.secret import hash_secret
from sonde.state.sessions import SESSION_SECONDS, close_session, find_session, open_session
from sonde.telemetry.tenancy import Role

NOW = 1_700_000_000.0


@pytest.fixture
def state(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = open_database(tmp_path)
    yield engine
    engine.dispose()


def a_key(state: sa.Engine, **options: Any) -> tuple[str, ApiKey]:
    return create_key(state, **{"name": "shop", "tenant": "default", "role": Role.INGEST, "now": NOW, **options})


def test_it_is_a_private_file_with_a_write_ahead_log(state: sa.Engine, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "state.db").stat().st_mode) == 0o600
    with state.connect() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"


def test_opening_it_again_changes_nothing(state: sa.Engine, tmp_path: Path) -> None:
    secret, key = a_key(state)

    again = open_database(tmp_path)

    assert keys_by_hash(again) == {hash_secret(secret): key}
    again.dispose()


def test_a_database_of_a_newer_sonde_is_refused(state: sa.Engine, tmp_path: Path) -> None:
    with state.begin() as connection:
        connection.execute(sa.text("INSERT INTO schema_migrations (version, name) VALUES (9999, 'future')"))

    with pytest.raises(Conflict, match="9999"):
        open_database(tmp_path)


def test_migrations_are_numbered_without_gaps() -> None:
    assert [migration.version for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_a_key_is_shown_once_and_kept_as_a_hash(state: sa.Engine, tmp_path: Path) -> None:
    secret, key = a_key(state)

    assert secret.startswith("sonde_")
    assert len(secret) == len("sonde_") + 43
    assert list_keys(state) == [key]
    assert read_key(state, key.id) == key
    with state.connect() as connection:
        connection.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))
    assert secret.encode() not in (tmp_path / "state.db").read_bytes()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"name": " "}, "bad_key_name"),
        ({"name": "x" * 201}, "bad_key_name"),
        ({"tenant": "a/b"}, "bad_tenant"),
        ({"tenant": ""}, "bad_tenant"),
    ],
)
def test_a_key_needs_a_name_and_a_tenant(state: sa.Engine, options: dict[str, Any], code: str) -> None:
    with pytest.raises(UserError) as refusal:
        a_key(state, **options)

    assert refusal.value.code == code


def test_a_key_is_valid_until_it_expires(state: sa.Engine) -> None:
    _, key = a_key(state, expires_at=NOW + 10)

    assert [key.is_valid(at=NOW + seconds) for seconds in (0, 9, 10, 11)] == [True, True, False, False]


def test_a_revoked_key_is_gone_with_its_sessions(state: sa.Engine) -> None:
    _, key = a_key(state)
    session = open_session(state, key.id, now=NOW)

    revoke_key(state, key.id, now=NOW + 1)

    assert keys_by_hash(state) == {}
    assert find_session(state, session, now=NOW + 1) is None
    revoked = read_key(state, key.id)
    assert revoked is not None
    assert not revoked.is_valid(at=NOW)
    with pytest.raises(NotFound):
        revoke_key(state, key.id, now=NOW + 2)


def test_last_use_is_noted(state: sa.Engine) -> None:
    _, key = a_key(state)

    touch_keys(state, {})
    touch_keys(state, {key.id: NOW + 5})

    assert list_keys(state)[0].last_used_at == NOW + 5


def test_a_session_lasts_thirty_days_or_until_it_is_closed(state: sa.Engine) -> None:
    _, key = a_key(state)
    kept, closed = open_session(state, key.id, now=NOW), open_session(state, key.id, now=NOW)

    close_session(state, closed)

    assert find_session(state, kept, now=NOW + SESSION_SECONDS - 1) == key.id
    assert find_session(state, kept, now=NOW + SESSION_SECONDS) is None
    assert find_session(state, closed, now=NOW) is None
    assert find_session(state, "invented", now=NOW) is None


def test_the_audit_log_shows_the_newest_first(state: sa.Engine) -> None:
    entries = [AuditEntry(NOW + n, "ann", "default", "key.create", f"key {n}", "127.0.0.1") for n in range(3)]
    for entry in entries:
        record(state, entry)

    assert newest_entries(state, limit=2) == [entries[2], entries[1]]
