"""The ruler's API alone, on a real state database; what is put runs in a real ``Runner`` under a clock that stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from fastapi import FastAPI

from sonde.errors import UserError
from sonde.rules.expression import Language
from sonde.rules.languages import check_only
from sonde.rules.status import RuleGroup
from sonde.rules.stored import StoredGroups
from sonde.state.api_keys import create_key
from sonde.state.database import open_database
from sonde.telemetry.tenancy import Role
from sonde.web import prometheus, ruler
from sonde.web.app import NO_TELEMETRY
from sonde.web.auth import Authenticator
from sonde.web.errors import install_error_handlers
from sonde.web.keyring import Keyring
from sonde.web.ruler import Configured, RulerLimits
from sonde.web.surroundings import Surroundings

NOW = 1_795_000_000


@dataclass
class Evaluated:
    """Says which groups would run."""

    engine: sa.Engine
    refuses: str = ""
    running: dict[str, list[tuple[str, str, int]]] = field(default_factory=dict)

    def languages(self, tenant: str) -> Mapping[str, Language]:
        return check_only()

    async def changed(self, tenant: str) -> None:
        if self.refuses:
            raise UserError(self.refuses, code="rules.duplicate_group")
        groups = StoredGroups(self.engine, tenant, check_only()).definitions()
        self.running[tenant] = [(group.file, group.name, len(group.rules)) for group in groups]

    def groups(self, tenant: str) -> Sequence[RuleGroup]:
        return []


@dataclass
class Served:
    """The application, who evaluates, and the state beside it."""

    app: FastAPI
    ruler: Evaluated
    engine: sa.Engine
    keyring: Keyring

    def key(self, role: Role, tenant: str = "default") -> str:
        secret, _ = create_key(self.engine, name=role.name.lower(), tenant=tenant, role=role, now=float(NOW))
        self.keyring.reload()
        return secret

    def client(self, key: str = "", **headers: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app, client=("127.0.0.1", 50_000))
        given = {**headers, **({"authorization": f"Bearer {key}"} if key else {})}
        return httpx.AsyncClient(transport=transport, base_url="http://localhost:3000", headers=given)


def served(directory: Path, limits: RulerLimits = RulerLimits()) -> Served:
    engine = open_database(directory)
    keyring = Keyring(engine, now=lambda: NOW)
    app = FastAPI(telemetry=NO_TELEMETRY)
    nothing: Any = None
    app.state.surroundings = Surroundings(
        store=nothing,
        state=engine,
        keyring=keyring,
        authenticator=Authenticator(keyring, on_loopback=True, now=lambda: NOW),
        consumer=nothing,
        health=nothing,
        version="1",
        now_nano=lambda: NOW * 10**9,
    )
    evaluated = Evaluated(engine)
    ruler.install(app, Configured(evaluated, limits))
    prometheus.install(app, prometheus.Configured(rules=evaluated))
    install_error_handlers(app)
    return Served(app, evaluated, engine, keyring)
