"""What the endpoints of this room are given: who evaluates rules, and how much may be put here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Protocol

from fastapi import Depends, Request

from sonde.rules.expression import Language


class Ruler(Protocol):
    """Who evaluates rules."""

    def languages(self, tenant: str) -> Mapping[str, Language]:
        """What a tenant's rules may be written in."""
        ...

    async def changed(self, tenant: str) -> None:
        """Read the tenant's stored groups again; from then on they are evaluated.

        Raises:
            UserError: They cannot be, for what somebody has put here; then those of before go on.
        """
        ...


@dataclass(frozen=True, slots=True)
class RulerLimits:
    """How much a tenant may put here."""

    groups: int = 2_000
    rules_per_group: int = 1_000
    body_bytes: int = 1 << 20
    name_characters: int = 500
    """Of a namespace, and of a group's name."""


@dataclass(frozen=True, slots=True)
class Configured:
    """What is configured."""

    ruler: Ruler
    limits: RulerLimits = field(default_factory=RulerLimits)


async def configured(request: Request) -> Configured:
    """What ``install`` was given."""
    known: Configured = request.app.state.ruler
    return known


Given = Annotated[Configured, Depends(configured)]
