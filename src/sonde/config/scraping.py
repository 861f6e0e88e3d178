"""Prometheus' configuration file, as ``receivers`` has it."""

from __future__ import annotations

from sonde.config.settings import Settings
from sonde.receivers.prometheus.scrape_config import ELSEWHERE, ScrapeConfigs, load_scrape_configs


def scrape_configs(settings: Settings) -> ScrapeConfigs:
    """What is to be scraped; nothing without a file. ``others`` are the file's sections that are not in force.

    Raises:
        UserError: The file cannot be read, or something in it is wrong.
    """
    file = settings.prometheus.config_file
    return load_scrape_configs(file, elsewhere=ELSEWHERE) if file else ScrapeConfigs()
