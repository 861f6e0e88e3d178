"""Who gets in, for which tenant: a table of headers and what becomes of them."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from store_rows import NOW

from sonde.errors import Forbidden, SondeError, Unauthorized
from sonde.query.sql.guard import Scope
from sonde.state.api_keys import create_key, revoke_key
from sonde.state.database import open_database
from sonde.telemetry.tenancy import Role
from sonde.web.auth import Authenticator, require_same_origin, sql_scope
from sonde.web.keyring import Keyring
from sonde.web.security import is_local_host


class Door:
    def __init__(self, tmp_path: Any, *, on_loopback: bool = True, configured: str | None = None) -> None:
        self.now = NOW / 1e9
        self.state = open_database(tmp_path)
        self.keyring = Keyring(self.state, now=lambda: self.now, configured=configured)
        self.authenticate = Authenticator(self.keyring, on_loopback=on_loopback, now=lambda: self.now)

    def key(self, role: Role = Role.READ, tenant: str = "default", **options: Any) -> str:
        secret, key = create_key(self.state, name="test", tenant=tenant, role=role, now=self.now, **options)
        self.last = key
        self.keyring.reload()
        return secret

    def enter(self, **headers: str) -> str:
        """``tenant role`` of who gets in, or the code of the refusal."""
        try:
            caller = self.authenticate.caller(
                {name.replace("_", "-"): value for name, value in headers.items()}, peer="10.0.0.1"
            )
        except SondeError as refusal:
            return refusal.code
        return f"{caller.tenant} {caller.identity.role.name.lower()}"


@pytest.fixture
def door(tmp_path: Any) -> Any:
    opened = Door(tmp_path)
    yield opened
    opened.state.dispose()


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_on_loopback_without_keys_everyone_is_administrator(door: Door) -> None:
    assert door.authenticate.is_open
    assert door.enter() == "default admin"
    assert door.enter(x_scope_orgid="team-a") == "team-a admin"
    assert door.enter(x_scope_orgid="a/b") == "bad_tenant"
    assert door.enter(authorization=basic("default", "")) == "default admin"
    assert door.enter(authorization="Bearer whatever") == "default admin"


def test_the_first_key_closes_the_door(door: Door) -> None:
    secret = door.key()

    assert not door.authenticate.is_open
    assert door.enter() == "unauthorized"
    assert door.enter(x_api_key=secret) == "default read"


def test_elsewhere_than_on_loopback_nobody_enters_without_a_key(tmp_path: Any) -> None:
    door = Door(tmp_path, on_loopback=False)

    assert door.enter() == "unauthorized"
    assert door.enter(x_api_key=door.key()) == "default read"
    door.state.dispose()


def test_a_key_comes_in_many_ways(door: Door) -> None:
    secret = door.key(Role.WRITE, "team-a")

    for headers in (
        {"authorization": f"Bearer {secret}"},
        {"authorization": f"bearer  {secret} "},
        {"authorization": basic("anyone", secret)},
        {"authorization": basic("", secret)},
        {"x_api_key": secret},
        {"x_clickhouse_key": secret},
    ):
        assert door.enter(**headers) == "team-a write", headers


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "unauthorized"),
        ({"authorization": "Bearer sonde_wrong"}, "unauthorized"),
        ({"authorization": "Bearer "}, "unauthorized"),
        ({"authorization": "Basic !!!"}, "bad_authorization"),
        ({"authorization": "Basic " + base64.b64encode(b"\xff:\xfe").decode()}, "bad_authorization"),
        ({"authorization": "Digest x"}, "unauthorized"),
        ({"authorization": basic("only-a-user", "")}, "unauthorized"),
        ({"x_api_key": "\udcff"}, "unauthorized"),
    ],
)
def test_without_a_good_key_nobody_enters(door: Door, headers: dict[str, str], code: str) -> None:
    door.key()

    assert door.enter(**headers) == code


@pytest.mark.parametrize(
    ("key_tenant", "asked", "outcome"),
    [
        ("team-a", None, "team-a read"),
        ("team-a", "team-a", "team-a read"),
        ("team-a", "team-b", "wrong_tenant"),
        ("team-a", "*", "wrong_tenant"),
        ("*", None, "default read"),
        ("*", "team-b", "team-b read"),
        ("*", "*", "* read"),
    ],
)
def test_a_key_speaks_for_its_tenant(door: Door, key_tenant: str, asked: str | None, outcome: str) -> None:
    secret = door.key(tenant=key_tenant)

    headers = {"x_api_key": secret} | ({"x_scope_orgid": asked} if asked else {})
    assert door.enter(**headers) == outcome


def test_what_is_sent_in_needs_one_tenant(door: Door) -> None:
    secret = door.key(Role.INGEST, "*")

    assert door.authenticate({"x-api-key": secret, "x-scope-orgid": "team-b"}, peer="p").tenant == "team-b"
    with pytest.raises(SondeError, match="tenant"):
        door.authenticate({"x-api-key": secret, "x-scope-orgid": "*"}, peer="p")


def test_an_expired_or_revoked_key_opens_nothing(door: Door) -> None:
    expiring = door.key(expires_at=door.now + 10)
    revoked = door.key()
    revoke_key(door.state, door.last.id, now=door.now)
    door.keyring.reload()
    door.key()

    assert door.enter(x_api_key=revoked) == "unauthorized"
    assert door.enter(x_api_key=expiring) == "default read"
    door.now += 10
    assert door.enter(x_api_key=expiring) == "unauthorized"


def test_the_configured_key_is_administrator_of_all_tenants(tmp_path: Any) -> None:
    door = Door(tmp_path, configured="from-the-environment")

    assert door.enter() == "unauthorized"
    assert door.enter(x_api_key="from-the-environment", x_scope_orgid="team-c") == "team-c admin"
    door.state.dispose()


def test_who_guesses_waits_longer_and_longer(door: Door) -> None:
    door.key()
    delays = []
    for _ in range(20):
        door.enter(x_api_key="sonde_guess")
        delays.append(round(door.authenticate.delay_seconds("10.0.0.1"), 1))

    assert delays[:7] == [0, 0, 0, 0, 0, 0.1, 0.2]
    assert delays[-1] == 1.0
    assert door.authenticate.delay_seconds("10.0.0.2") == 0
    door.now += 61
    assert door.authenticate.delay_seconds("10.0.0.1") == 0


@pytest.mark.parametrize(
    ("role", "key_tenant", "asked", "scope"),
    [
        (Role.READ, "a", None, Scope.TENANT),
        (Role.ADMIN, "a", None, Scope.TENANT),
        (Role.READ, "*", "a", Scope.TENANT),
        (Role.ADMIN, "*", "a", Scope.OPERATOR),
        (Role.ADMIN, "*", None, Scope.OPERATOR),
        (Role.ADMIN, "*", "*", Scope.EVERYTHING),
        (Role.READ, "*", "*", None),
    ],
)
def test_only_administrators_of_all_tenants_see_all_rows(
    door: Door, role: Role, key_tenant: str, asked: str | None, scope: Scope | None
) -> None:
    headers = {"x-api-key": door.key(role, key_tenant)} | ({"x-scope-orgid": asked} if asked else {})
    caller = door.authenticate.caller(headers, peer="p")

    if scope is None:
        with pytest.raises(Forbidden):
            sql_scope(caller)
    else:
        assert sql_scope(caller) is scope


@pytest.mark.parametrize(
    ("method", "headers", "allowed"),
    [
        ("GET", {"sec-fetch-site": "cross-site"}, True),
        ("POST", {}, True),
        ("POST", {"sec-fetch-site": "same-origin"}, True),
        ("POST", {"sec-fetch-site": "none"}, True),
        ("POST", {"sec-fetch-site": "same-site"}, False),
        ("POST", {"sec-fetch-site": "cross-site"}, False),
        ("POST", {"origin": "http://localhost:3000", "host": "localhost:3000"}, True),
        ("POST", {"origin": "http://evil.example", "host": "localhost:3000"}, False),
        ("DELETE", {"origin": "null", "host": "localhost:3000"}, False),
    ],
)
def test_other_sites_pages_change_nothing(method: str, headers: dict[str, str], allowed: bool) -> None:
    if allowed:
        require_same_origin(method, headers)
    else:
        with pytest.raises(Forbidden):
            require_same_origin(method, headers)


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True), ("LOCALHOST:3000", True), ("a.localhost", True), ("127.0.0.1:3000", True), ("127.9.9.9", True), ("[::1]", True),
        ("[::1]:3000", True), ("sonde.test", True), ("sonde.test:1", True), ("evil.example", False), ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False), ("10.0.0.1", False), ("", False), ("[::2]:1", False), ("0.0.0.0:3000", False),
    ],
)  # fmt: skip
def test_which_host_names_are_ours(host: str, local: bool) -> None:
    assert is_local_host(host, ["sonde.test"]) is local


def test_a_refusal_never_repeats_the_secret(door: Door) -> None:
    door.key()
    with pytest.raises(Unauthorized) as refusal:
        door.authenticate.caller({"x-api-key": "sonde_almost-right"}, peer="p")

    assert "almost" not in str(refusal.value)
