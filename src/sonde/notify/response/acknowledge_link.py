"""Links by which an alert is acknowledged without logging in: a signed token says which alerts, whose, and until when.

A token is ``payload.signature``, both base64url: the signature is HMAC-SHA256 of the payload with a secret of the state
database. It may acknowledge its alerts and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import ClassVar, Final

from sonde.errors import UserError
from sonde.notify.alert import Alert, fingerprint_text
from sonde.notify.notifier import Batch

SECRET_NAME: Final = "acknowledge"  # noqa: S105 - what it is called
LASTS: Final = 7 * 24 * 3600 * 10**9
MAX_TOKEN: Final = 4096
_MOST_NAMED: Final = 32
"""Alerts that a token names one by one; of more it has the group and the time."""
_PURPOSE: Final = b"sonde.acknowledge.1:"


class BadLink(UserError):
    """A link that nobody here signed."""

    default_code: ClassVar[str] = "acknowledge.link"
    http_status: ClassVar[int] = 403


class ExpiredLink(UserError):
    """A link whose time is over."""

    default_code: ClassVar[str] = "acknowledge.link_expired"
    http_status: ClassVar[int] = 410


@dataclass(frozen=True, slots=True)
class Claim:
    """What a token is for. Times are Unix nanoseconds."""

    tenant: str
    group_key: str
    fingerprints: tuple[int, ...]
    """The alerts; none: all of the group that had fired when the message was made."""
    at: int
    """When the message was made."""
    expires_at: int

    def covers(self, alert: Alert, *, is_of_group: bool) -> bool:
        """Whether an alert is meant, in the firing that the message told of.

        >>> claim = Claim("default", "{}", (Alert(()).fingerprint,), 10, 20)
        >>> claim.covers(Alert((), starts_at=10), is_of_group=False)
        True
        >>> claim.covers(Alert((), starts_at=11), is_of_group=False)
        False
        """
        is_meant = alert.fingerprint in self.fingerprints if self.fingerprints else is_of_group
        return is_meant and alert.starts_at <= self.at


def claim_for(batch: Batch, tenant: str, *, lasts: int = LASTS) -> Claim | None:
    """What a link in a notification is for; None when nothing in it fires."""
    firing = tuple(alert.fingerprint for alert in batch.firing)
    if not firing:
        return None
    return Claim(tenant, batch.group_key, firing if len(firing) <= _MOST_NAMED else (), batch.at, batch.at + lasts)


def acknowledge_url(external_url: str, batch: Batch, tenant: str, secret: bytes, *, lasts: int = LASTS) -> str:
    """The link for a notification; "" when nothing in it fires, or nobody knows where people reach us."""
    claim = claim_for(batch, tenant, lasts=lasts)
    return f"{external_url.rstrip('/')}/acknowledge/{new_token(claim, secret)}" if claim and external_url else ""


def new_token(claim: Claim, secret: bytes) -> str:
    """A token for a claim.

    >>> claim = Claim("default", '{}:{alertname="Down"}', (1, 2**64 - 1), 10, 20)
    >>> read_token(new_token(claim, b"secret"), b"secret", now=15) == claim
    True
    """
    names = [fingerprint_text(each) for each in claim.fingerprints]
    written = json.dumps([claim.tenant, claim.group_key, names, claim.at, claim.expires_at], separators=(",", ":"))
    payload = _encoded(written.encode())
    return f"{payload}.{_encoded(_signature(payload, secret))}"


def read_token(token: str, secret: bytes, now: int) -> Claim:
    """The claim of a token.

    Raises:
        BadLink: Nobody here signed it.
        ExpiredLink: Its time is over.

    >>> token = new_token(Claim("default", "{}", (1,), 10, 20), b"secret")
    >>> read_token(token, b"another", now=15)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sonde.notify.response.acknowledge_link.BadLink: this link is not valid; ... [acknowledge.link]
    >>> read_token(token, b"secret", now=20)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sonde.notify.response.acknowledge_link.ExpiredLink: this link has expired; ... [acknowledge.link_expired]
    """
    payload, _, signature = token.partition(".")
    right = _encoded(_signature(payload, secret)).encode()
    if len(token) > MAX_TOKEN or not hmac.compare_digest(signature.encode("utf-8", "replace"), right):
        raise BadLink("this link is not valid", hint="open it again from the message, as a whole")
    tenant, group_key, names, at, expires_at = json.loads(_decoded(payload))
    if now >= expires_at:
        raise ExpiredLink("this link has expired", hint="acknowledge the alert on the alerts page")
    return Claim(tenant, group_key, tuple(int(name, 16) for name in names), at, expires_at)


def _signature(payload: str, secret: bytes) -> bytes:
    return hmac.digest(secret, _PURPOSE + payload.encode("utf-8", "replace"), hashlib.sha256)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
