"""What Prometheus tells of itself under ``status/…``, told of Sonde.

Clients decide by ``buildinfo`` what they may ask, so its version is the Prometheus whose API this is; Sonde's own
stands in ``revision``.
Specification: https://prometheus.io/docs/prometheus/latest/querying/api/#status
"""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from typing import Final

from fastapi import Response

from sonde.query.promql.query import LOOKBACK
from sonde.telemetry.tenancy import Role
from sonde.web.asking import Around, Reader
from sonde.web.prometheus.answer import allowed, router, success
from sonde.web.prometheus.configured import Given
from sonde.web.prometheus.times import go_time

COMPATIBLE_VERSION: Final = "3.14.0"
_NO_LIMIT: Final = 2**63 - 1
_STARTED: Final = time.time_ns()
routes = router()


@routes.get("/status/buildinfo")
async def build_info(_caller: Reader, around: Around) -> Response:
    """The version of Prometheus whose API this is, and Sonde's."""
    return success(
        {
            "version": COMPATIBLE_VERSION,
            "revision": f"sonde-{around.version}",
            "branch": "",
            "buildUser": "",
            "buildDate": "",
            "goVersion": "",
        }
    )


@routes.get("/status/runtimeinfo")
async def runtime_info(caller: Reader, around: Around, given: Given) -> Response:
    """Since when the server runs, and on what; where, for administrators only."""
    return success(
        {
            "startTime": go_time(_STARTED),
            "CWD": str(Path.cwd()) if caller.identity.role >= Role.ADMIN else "",
            "hostname": socket.gethostname(),
            "serverTime": go_time(around.now_nano()),
            "reloadConfigSuccess": True,
            "lastConfigTime": go_time(_STARTED),
            "corruptionCount": 0,
            "goroutineCount": threading.active_count(),
            "GOMAXPROCS": os.cpu_count() or 1,
            "GOMEMLIMIT": _NO_LIMIT,
            "GOGC": "",
            "GODEBUG": "",
            "storageRetention": given.retention,
        }
    )


@routes.get("/status/config")
async def config(_caller: Reader, given: Given) -> Response:
    """The scrape configuration and rule files in force; empty when there are none."""
    return success({"yaml": given.configuration() if given.configuration else ""})


@routes.get("/status/flags")
async def flags(_caller: Reader, around: Around, given: Given) -> Response:
    """Settings, by the names of Prometheus' flags."""
    ours = {
        "query.lookback-delta": f"{LOOKBACK // 60_000}m",
        "query.max-samples": str(allowed(around, 0).samples),
        "query.timeout": f"{around.limits.execution_seconds:g}s",
        "storage.tsdb.retention.time": given.retention,
        "web.enable-lifecycle": str(given.reload is not None).lower(),
    }
    return success(dict(sorted({**ours, **given.flags}.items())))


@routes.get("/status/walreplay")
async def wal_replay(_caller: Reader) -> Response:
    """How far a start has come: nobody is answered before it is done."""
    return success({"min": 0, "max": 0, "current": 0})
