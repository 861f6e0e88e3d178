"""Targets that are written in the configuration itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sonde.receivers.prometheus.discovery.config import StaticConfig
from sonde.receivers.prometheus.discovery.target_group import ADDRESS, Publish, TargetGroup
from sonde.telemetry.labels import labels_of


class StaticDiscovery:
    """Publishes the groups of ``static_configs``, once."""

    def __init__(self, configs: Sequence[StaticConfig]) -> None:
        self._groups = tuple(
            TargetGroup(str(place), tuple(((ADDRESS, target),) for target in config.targets), labels_of(config.labels))
            for place, config in enumerate(configs)
        )

    async def run(self, publish: Publish) -> None:
        """Publish them and wait to be cancelled."""
        publish(self._groups)
        await asyncio.Event().wait()
