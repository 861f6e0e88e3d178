"""Targets from an HTTP service that answers with a list of groups in JSON.

Specification: https://prometheus.io/docs/prometheus/latest/http_sd/
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, Final

from sonde.errors import UserError
from sonde.receivers.prometheus.discovery.config import HttpSdConfig
from sonde.receivers.prometheus.discovery.group_list import target_groups
from sonde.receivers.prometheus.discovery.repeat import Found, Pause, Repeating
from sonde.receivers.prometheus.http_session import Session, Sessions
from sonde.receivers.prometheus.yaml_tree import without_password

LARGEST_ANSWER_BYTES: Final = 64 * 1024 * 1024
_JSON: Final = re.compile(r'application/json(;\s*charset=("utf-8"|utf-8))?', re.IGNORECASE)


def http_discovery(config: HttpSdConfig, *, sessions: Sessions, pause: Pause = asyncio.sleep) -> Repeating:
    """The discovery of one ``http_sd_config``."""
    session = sessions.session(config)
    seconds = config.refresh_interval / 1000
    shown = without_password(config.url)

    async def ask() -> Found:
        headers = {
            "accept": "application/json",
            "accept-encoding": "gzip",
            "x-prometheus-refresh-interval-seconds": f"{seconds:g}",
        }
        value = await json_answer(session, config.url, headers, timeout_seconds=seconds)
        return Found(target_groups(value, source=lambda place: f"{shown}:{place}", labels={"__meta_url": shown}))

    return Repeating(
        "http", shown, ask, interval_seconds=seconds, pause=pause, release=lambda: sessions.release(session)
    )


async def json_answer(session: Session, url: str, headers: dict[str, str], *, timeout_seconds: float) -> Any:
    """Ask for a document in JSON.

    Raises:
        UserError: No answer, or one that is something else.
    """
    answer = await session.get(url, headers=headers, timeout_seconds=timeout_seconds, limit_bytes=LARGEST_ANSWER_BYTES)
    if not _JSON.fullmatch(answer.content_type.strip()):
        raise UserError(f"unsupported content type {answer.content_type!r}", code="discovery.http")
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise UserError(f"the answer is not JSON: {error}", code="discovery.http") from error
