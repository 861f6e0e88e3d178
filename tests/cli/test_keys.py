"""`sonde keys` on the state of a data directory."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Sonde


def test_a_key_is_made_listed_and_revoked(sonde: Sonde, tmp_path: Path):
    data = ("--data", str(tmp_path / "data"))
    made = sonde("keys", "create", "laptop", "--role", "read", "--tenant", "team-a", "--expires-in", "90d", *data)
    assert made.returncode == 0
    secret = made.stdout.strip()

    [key] = json.loads(sonde("keys", "list", "--format", "json", *data).stdout)
    assert (key["name"], key["tenant"], key["role"], key["last used"]) == ("laptop", "team-a", "read", None)
    assert key["state"].startswith("valid until 20")
    assert secret not in json.dumps(key)

    assert sonde("keys", "revoke", key["id"], *data).returncode == 0
    [key] = json.loads(sonde("keys", "list", "--format", "json", *data).stdout)
    assert key["state"].startswith("revoked 20")


def test_what_cannot_be_is_refused(sonde: Sonde):
    assert "has characters that are not allowed" in sonde("keys", "create", "x", "--tenant", "a/b").stderr
    assert "is not a duration" in sonde("keys", "create", "x", "--expires-in", "soon").stderr
    assert "no key 123 that could be revoked" in sonde("keys", "revoke", "123").stderr
