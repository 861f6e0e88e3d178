"""Adds the rulers' HTTP API to the application."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from sonde.web.ruler import logql, rules
from sonde.web.ruler.configured import Configured

PROMETHEUS: Final = "/prometheus/config/v1"
LOKI: Final = ("/loki/api/v1", "/api/prom")


def install(app: FastAPI, configured: Configured) -> None:
    """Add the API for callers with credentials; before whatever answers all other paths."""
    app.state.ruler = configured
    app.include_router(rules.routes, prefix=PROMETHEUS)
    for prefix in LOKI:
        app.include_router(logql.routes, prefix=prefix)
