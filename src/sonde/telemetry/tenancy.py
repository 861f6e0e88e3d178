"""Who sends or asks: tenants, roles and identities, as receivers and surfaces pass them on.

A tenant is named by the ``X-Scope-OrgID`` header (Loki's and Mimir's convention) or by the API key that is used.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from sonde.errors import UserError

DEFAULT_TENANT = "default"
TENANT_HEADER = "x-scope-orgid"
_TENANT = re.compile(r"[A-Za-z0-9!\-_.*'()]{1,150}\Z")


class Role(enum.IntEnum):
    """What an identity may do; each role may do all that the smaller ones may.

    >>> Role.WRITE >= Role.READ
    True
    """

    INGEST = 1
    READ = 2
    WRITE = 3
    ADMIN = 4


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated caller: what it may do, and whose data it sees."""

    tenant: str
    role: Role
    name: str


def parse_tenant(text: str) -> str:
    """Read a tenant id: 1 to 150 of ``A-Z a-z 0-9 ! - _ . * ' ( )``, and neither ``.`` nor ``..``.

    >>> parse_tenant("team-a")
    'team-a'
    >>> parse_tenant("a/b")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    sonde.errors.UserError: tenant id 'a/b' has characters that are not allowed; ... [bad_tenant]
    """
    if text in {".", ".."} or not _TENANT.match(text):
        if not 1 <= len(text) <= 150:
            raise UserError(f"tenant id has {len(text)} characters", code="bad_tenant", hint="use 1 to 150")
        raise UserError(
            f"tenant id {text!r} has characters that are not allowed",
            code="bad_tenant",
            hint="use letters, digits and ! - _ . * ' ( )",
        )
    return text
