"""Adds Alertmanager's HTTP API to the application."""

from __future__ import annotations

from fastapi import FastAPI

from sonde.web.alertmanager import alerts, lifecycle, silences, status
from sonde.web.alertmanager.configured import Configured

_API = (status, alerts, silences)


def install(app: FastAPI, configured: Configured, *, prefix: str = "/alertmanager") -> None:
    """Add the API for callers with credentials; ``/-/healthy`` and ``/-/ready`` need none."""
    app.state.alertmanager = configured
    for noun in _API:
        app.include_router(noun.routes, prefix=f"{prefix}/api/v2")
    app.include_router(lifecycle.routes, prefix=prefix)
