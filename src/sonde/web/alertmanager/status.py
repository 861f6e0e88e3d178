"""``/status`` and ``/receivers``: what is configured, without secrets."""

from __future__ import annotations

import platform

from fastapi import Response

from sonde.notify.configuration import Configuration
from sonde.notify.pipeline import Pipeline
from sonde.web.alertmanager.answer import router, written
from sonde.web.alertmanager.configured import Given
from sonde.web.alertmanager.time import time_text
from sonde.web.asking import Reader

routes = router()


@routes.get("/status")
async def status(caller: Reader, given: Given) -> Response:
    """The configuration and the version; there is no cluster of Alertmanagers."""
    configuration = await given.alertings.of(caller.tenant).ask(_configuration)
    return written(
        {
            "cluster": {"peers": [], "status": "disabled"},
            "config": {"original": configuration.text},
            "uptime": time_text(given.started_at),
            "versionInfo": {
                "branch": "",
                "buildDate": "",
                "buildUser": "",
                "goVersion": f"python{platform.python_version()}",
                "revision": "",
                "version": given.version,
            },
        }
    )


@routes.get("/receivers")
async def receivers(caller: Reader, given: Given) -> Response:
    """Who can be told."""
    configuration = await given.alertings.of(caller.tenant).ask(_configuration)
    return written([{"name": name} for name in configuration.receivers])


def _configuration(pipeline: Pipeline) -> Configuration:
    return pipeline.configuration
