"""Who is asking, and for whose data: credentials and headers in, a ``Caller`` out; receivers get its ``Identity``.

A key comes as ``Authorization: Bearer``, as the password of ``Authorization: Basic`` (any user name: SQL and Grafana
data sources have a password field), as ``X-API-Key`` or ``X-ClickHouse-Key``; a browser has a session cookie instead.

``X-Scope-OrgID`` names the tenant. A key of tenant T may only say T; a key of tenant ``*`` may say any, and says
``default`` by silence. Bound to loopback and without any valid key, Sonde is open: everyone on this machine is
administrator of every tenant. The first key that is made closes it.
"""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final

from sonde.errors import Forbidden, Unauthorized, UserError
from sonde.query.sql.guard import Scope
from sonde.state.api_keys import EVERY_TENANT, ApiKey
from sonde.telemetry.tenancy import DEFAULT_TENANT, TENANT_HEADER, Identity, Role, parse_tenant
from sonde.web.keyring import Keyring

SESSION_COOKIE: Final = "sonde_session"
_OPEN_NAME: Final = "anonymous"
_MAX_PEERS: Final = 10_000
_FORGET_SECONDS: Final = 60.0
_FREE_FAILURES: Final = 5
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Someone we know. ``every_tenant``: may choose its tenant; then tenant ``*`` means all of them, for SQL only."""

    identity: Identity
    every_tenant: bool
    by_cookie: bool = False

    @property
    def tenant(self) -> str:
        """Whose data is asked for."""
        return self.identity.tenant

    def require(self, role: Role) -> None:
        """Raise ``Forbidden`` unless the caller has this role or a greater one."""
        if self.identity.role < role:
            raise Forbidden(
                f"the role {self.identity.role.name.lower()} may not do this",
                code="role_too_small",
                hint=f"use a key with the role {role.name.lower()}",
            )


def sql_scope(caller: Caller) -> Scope:
    """Whose rows, and which system tables, a caller's own SQL sees."""
    if caller.every_tenant and caller.identity.role >= Role.ADMIN:
        return Scope.EVERYTHING if caller.tenant == EVERY_TENANT else Scope.OPERATOR
    if caller.tenant == EVERY_TENANT:
        raise Forbidden("only administrators see all tenants", code="role_too_small", hint="name one in X-Scope-OrgID")
    return Scope.TENANT


class Authenticator:
    """Tells callers by their headers. Never blocks: keys are in memory."""

    def __init__(self, keyring: Keyring, *, on_loopback: bool, now: Callable[[], float]) -> None:
        self._keyring = keyring
        self._on_loopback = on_loopback
        self._now = now
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    @property
    def is_open(self) -> bool:
        """Whether no credentials are needed: bound to loopback, and nobody has made a key."""
        return self._on_loopback and self._keyring.is_empty

    def __call__(self, headers: Mapping[str, str], *, peer: str) -> Identity:
        """The identity behind the headers of something sent in; all roles may send. See ``receivers.Authenticate``."""
        caller = self.caller(headers, peer=peer)
        if caller.tenant == EVERY_TENANT:
            raise UserError(
                "tenant * is no place to store anything", code="bad_tenant", hint="name one in X-Scope-OrgID"
            )
        return caller.identity

    def caller(self, headers: Mapping[str, str], *, peer: str, session: ApiKey | None = None) -> Caller:
        """The caller behind the headers, or behind the session that the surface has looked up.

        Raises:
            Unauthorized: no credentials where some are needed, or ones that nobody here issued.
            Forbidden: a tenant that the key is not for.
        """
        wanted = headers.get(TENANT_HEADER) or None
        if wanted is not None and wanted != EVERY_TENANT:
            wanted = parse_tenant(wanted)
        secret = presented_secret(headers)
        key = self._keyring.find(secret) if secret else session
        if key is None and self.is_open:
            # Tools send user names and empty passwords unasked; without keys nothing can be wrong about them.
            return Caller(Identity(wanted or DEFAULT_TENANT, Role.ADMIN, _OPEN_NAME), every_tenant=True)
        if key is None:
            if secret:
                self.note_failure(peer)
                raise Unauthorized("that key is not known here", hint="it may have been revoked or have expired")
            raise Unauthorized("no API key was given", hint="send Authorization: Bearer <key>, or X-API-Key")
        if key.tenant == EVERY_TENANT:
            return Caller(
                Identity(wanted or DEFAULT_TENANT, key.role, key.name), every_tenant=True, by_cookie=not secret
            )
        if wanted is not None and wanted != key.tenant:
            raise Forbidden(
                f"this key is for tenant {key.tenant}, not {wanted}",
                code="wrong_tenant",
                hint="leave X-Scope-OrgID out, or use that tenant's key",
            )
        return Caller(Identity(key.tenant, key.role, key.name), every_tenant=False, by_cookie=not secret)

    def delay_seconds(self, peer: str) -> float:
        """How long a refusal to this peer is held back: nothing at first, up to a second for who keeps guessing."""
        count, last = self._failures.get(peer, (0, 0.0))
        if self._now() - last > _FORGET_SECONDS:
            return 0.0
        return min(max(count - _FREE_FAILURES, 0) * 0.1, 1.0)

    def note_failure(self, peer: str) -> None:
        """Remember that this peer sent a wrong key."""
        now = self._now()
        count, last = self._failures.pop(peer, (0, now))
        self._failures[peer] = (1 if now - last > _FORGET_SECONDS else count + 1, now)
        if len(self._failures) > _MAX_PEERS:
            self._failures.popitem(last=False)


def presented_secret(headers: Mapping[str, str]) -> str | None:
    """The key that the headers carry, if any.

    >>> presented_secret({"authorization": "Bearer sonde_x"})
    'sonde_x'
    >>> presented_secret({"authorization": "Basic YW55OnNvbmRlX3g="})
    'sonde_x'
    """
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return credentials.strip() or None
        case "basic":
            try:
                decoded = base64.b64decode(credentials.strip(), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise Unauthorized("the Authorization header is not valid Basic", code="bad_authorization") from None
            return decoded.partition(":")[2] or None
    return headers.get("x-api-key") or headers.get("x-clickhouse-key") or None


def session_cookie(headers: Mapping[str, str]) -> str | None:
    """The secret in the session cookie, if any."""
    if SESSION_COOKIE not in headers.get("cookie", ""):
        return None
    try:
        morsel = SimpleCookie(headers["cookie"]).get(SESSION_COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel is not None else None


def require_same_origin(method: str, headers: Mapping[str, str]) -> None:
    """Refuse a request that changes something and that another site's page made the browser send.

    Browsers say where a request comes from, in ``Sec-Fetch-Site`` or ``Origin``; programs send neither.
    """
    if method in _SAFE_METHODS:
        return
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        same = site in {"same-origin", "none"}
    elif origin is not None:
        same = origin.partition("://")[2] == headers.get("host", "")
    else:
        same = True
    if not same:
        raise Forbidden("the request comes from another site's page", code="cross_site", hint="use an API key instead")
