"""A web of alerting alone, in process: a pipeline in memory at a fixed time, and a caller with a role."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import httpx
import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from tests.notify.simulation import START

from sonde.errors import NotFound
from sonde.notify.alert import PostedAlert
from sonde.notify.configuration import parse_configuration
from sonde.notify.history import Notification
from sonde.notify.notifier import Batch, Notifier, Result
from sonde.notify.pipeline import Pipeline
from sonde.notify.response.plan import ResponsePlan
from sonde.notify.run import Alerting
from sonde.notify.state import MemoryState
from sonde.telemetry.tenancy import Identity, Role
from sonde.web.alertmanager.configured import Configured
from sonde.web.app import NO_TELEMETRY
from sonde.web.asking import any_caller
from sonde.web.auth import Caller
from sonde.web.errors import install_error_handlers


@dataclass
class Story:
    """Alerting of the tenant ``default``."""

    text: str
    now: int = START
    role: Role = Role.WRITE
    notified: list[Batch] = field(default_factory=list)
    noted: list[Notification] = field(default_factory=list)
    answers: dict[str, Result | Exception] = field(default_factory=dict)
    """How integrations answer; others take everything."""
    plan: ResponsePlan | None = None
    database: sa.Engine | None = None
    """Where deeds are written down."""

    def __post_init__(self) -> None:
        self.configuration = parse_configuration(self.text)
        self.pipeline = Pipeline(self.configuration, MemoryState(), self.now, plan=self.plan)
        keys = [each.key for integrations in self.configuration.receivers.values() for each in integrations]
        self.notifiers: dict[str, Notifier] = dict.fromkeys(keys, self)
        self.alerting = Alerting(self.pipeline, self.notifiers, lambda: self.now)

    def of(self, tenant: str) -> Alerting:
        """See ``Alertings``."""
        if tenant != "default":
            raise NotFound(f"{tenant} has no alerting")
        return self.alerting

    async def notify(self, batch: Batch) -> Result:
        """See ``Notifier``."""
        self.notified.append(batch)
        answer = self.answers.get(batch.integration, Result())
        if isinstance(answer, Exception):
            raise answer
        return answer

    def note(self, notifications: Any, *, tenant: str) -> None:
        """See ``History``."""
        assert tenant == "default"
        self.noted += notifications

    def fire(self, **labels: str) -> None:
        """An alert fires."""
        self.pipeline.post([PostedAlert(labels, {})], self.now)

    @asynccontextmanager
    async def client(self, *routes: APIRouter, **state: Any) -> AsyncIterator[httpx.AsyncClient]:
        """A client of these endpoints, which are given this state."""
        app = FastAPI(telemetry=NO_TELEMETRY)
        for each in routes:
            app.include_router(each, prefix="/api/v1")
        app.state.alertmanager = Configured(self, lambda: self.now, self.now, "1")
        app.state.surroundings = SimpleNamespace(state=self.database)
        for name, value in state.items():
            setattr(app.state, name, value)
        identity = Identity("default", self.role, "ann")
        app.dependency_overrides[any_caller] = lambda: Caller(identity, every_tenant=False)
        install_error_handlers(app)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost/api/v1") as client:
            yield client
