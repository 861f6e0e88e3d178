"""Adds Prometheus' HTTP API to the application."""

from __future__ import annotations

from fastapi import FastAPI

from sonde.web.prometheus import admin, federate, lifecycle, query, remote_read, rules, series, status, targets
from sonde.web.prometheus.configured import Configured

_API = (query, series, remote_read, targets, rules, status, admin)


def install(app: FastAPI, configured: Configured | None = None, *, prefix: str = "/prometheus") -> None:
    """Add the API for callers with credentials; ``/-/healthy`` and ``/-/ready`` need none."""
    app.state.prometheus = configured or Configured()
    for noun in _API:
        app.include_router(noun.routes, prefix=f"{prefix}/api/v1")
    app.include_router(federate.routes, prefix=prefix)
    app.include_router(lifecycle.routes, prefix=prefix)
