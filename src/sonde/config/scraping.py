"""Prometheus' configuration file, as ``receivers`` has it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sonde.config.settings import Settings
from sonde.receivers.prometheus.scrape_config import ELSEWHERE, ScrapeConfigs, load_scrape_configs

_IN_FORCE: Final = frozenset({"alerting"})
"""Sections of others that are in force; ``alerting.alertmanagers`` reads this one."""


def scrape_configs(settings: Settings) -> ScrapeConfigs:
    """What is to be scraped; nothing without a file. ``others`` are the file's sections that are not in force.

    Raises:
        UserError: The file cannot be read, or something in it is wrong.
    """
    file = settings.prometheus.config_file
    if file is None:
        return ScrapeConfigs()
    configs = load_scrape_configs(file, elsewhere=ELSEWHERE)
    return replace(configs, others=tuple(name for name in configs.others if name not in _IN_FORCE))
