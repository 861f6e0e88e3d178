"""The files that are read again while the server runs: Prometheus' configuration, rules, Alertmanager's configuration.

All are read before any is put into force, so a mistake in one leaves everything as it was.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field

from sonde.app.alerting import Alertings
from sonde.app.response import Responding
from sonde.app.rules import Rulers
from sonde.config.alerting import alerting_files, alertmanagers
from sonde.config.scraping import scrape_configs
from sonde.config.settings import Settings
from sonde.errors import UserError
from sonde.notify.alertmanagers.sender import AlertmanagerSender
from sonde.receivers.prometheus.scrape.scraper import Scraper
from sonde.receivers.prometheus.scrape_config import ScrapeConfigs

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Files:
    """What is in force of the files, and who goes by it."""

    settings: Settings
    scraper: Scraper
    alertings: Alertings
    sender: AlertmanagerSender
    rulers: Rulers
    responding: Responding
    configs: ScrapeConfigs = field(default_factory=ScrapeConfigs)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self) -> None:
        """Read everything for the first time and begin.

        Raises:
            UserError: Something is wrong with a file.
        """
        await self._apply(is_first=True)
        for message in self.messages():
            logger.warning(message)

    async def reload(self) -> None:
        """Read everything again.

        Raises:
            UserError: Something is wrong with a file; then nothing has changed.
        """
        await self._apply(is_first=False)
        for message in self.messages():
            logger.warning(message)

    async def _apply(self, *, is_first: bool) -> None:
        async with self._lock:
            configs = await asyncio.to_thread(scrape_configs, self.settings)
            files = await asyncio.to_thread(alerting_files, self.settings)
            alerting, response = self.alertings.prepare(files), self.responding.prepare(files)
            told = await asyncio.to_thread(alertmanagers, self.settings)
            rules = await asyncio.to_thread(self.rulers.prepare, configs)
            await (self.scraper.start(configs) if is_first else self.scraper.reload(configs))
            await self.alertings.apply(alerting)
            await self.responding.apply(response, self.alertings.of(self.settings.rules.tenant))
            await self.sender.reload(told)
            if is_first:
                await self.sender.start()
            await self.rulers.apply(rules)
            self.configs = configs

    def reload_on_hangup(self) -> None:
        """Read everything again at each SIGHUP; what is wrong is said in the log."""
        reloads: set[asyncio.Task[None]] = set()

        def asked() -> None:
            reloads.add(task := asyncio.create_task(self._reload_for_nobody()))
            task.add_done_callback(reloads.discard)

        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, asked)

    async def _reload_for_nobody(self) -> None:
        try:
            await self.reload()
        except UserError as error:
            logger.warning("the configuration files are not in force: %s", error.message)
        else:
            logger.info("the configuration files are in force")

    def messages(self) -> Sequence[str]:
        """What is in the files and not in force."""
        file = self.settings.prometheus.config_file
        idle = [f"{', '.join(self.configs.others)} in {file} are not in force"] if self.configs.others else []
        runbooks = self.settings.rules.runbooks
        if runbooks is not None and not runbooks.is_dir():
            idle.append(f"{runbooks} is no folder: there are no runbooks of yours")
        return [*idle, *self.rulers.messages()]
