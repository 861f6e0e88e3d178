"""What tests of the sender share: alerts, a running sender, and waiting for what happens elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import yaml
from prometheus_client import REGISTRY

from sonde.notify.alertmanagers.alerting_config import parse_alerting
from sonde.notify.alertmanagers.send_loop import Bounds
from sonde.notify.alertmanagers.sender import AlertmanagerSender
from sonde.rules.notify import SentAlert
from sonde.telemetry.labels import labels_of

SECOND = 10**9
NOW = 1_782_900_000 * SECOND
PATIENCE_SECONDS = 20


def alert(name: str = "Down", **labels: str) -> SentAlert:
    return SentAlert(
        labels_of({"alertname": name, **labels}), (("summary", "x"),), NOW, NOW + 240 * SECOND, "http://p/g"
    )


def at(base: str, **more: Any) -> dict[str, Any]:
    """A section with one Alertmanager."""
    return {"static_configs": [{"targets": [base.removeprefix("http://").removeprefix("https://")]}], **more}


def alerting(*sections: dict[str, Any], **more: Any) -> Any:
    return parse_alerting(yaml.safe_dump({"alerting": {"alertmanagers": list(sections), **more}}))


@contextlib.asynccontextmanager
async def running(
    *sections: dict[str, Any], bounds: Bounds = Bounds(), **more: Any
) -> AsyncIterator[AlertmanagerSender]:
    """A sender that has found an Alertmanager for each section that writes one down."""
    sender = AlertmanagerSender(alerting(*sections, **more), bounds=bounds, environment={})
    await sender.start()
    try:
        await until(lambda: len(sender.active("default")) >= sum("static_configs" in each for each in sections))
        yield sender
    finally:
        await sender.stop()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - what others do sets no event of ours
            await asyncio.sleep(0.005)


def count(name: str, base: str | None = None) -> float | None:
    """A number of ``/metrics``; of one Alertmanager, or of all."""
    labels = {} if base is None else {"alertmanager": f"{base}/api/v2/alerts"}
    return REGISTRY.get_sample_value(name if name.startswith("sonde") else f"prometheus_notifications_{name}", labels)
