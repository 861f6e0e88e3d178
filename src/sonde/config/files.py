"""Checks the files that the configuration names as a start would, without starting anything."""

from __future__ import annotations

from sonde.config.alerting import alerting_files, alertmanagers
from sonde.config.rules import rule_groups
from sonde.config.scraping import scrape_configs
from sonde.config.settings import Settings
from sonde.rules.languages import check_only


def check_files(settings: Settings) -> None:
    """Read Prometheus' and Alertmanager's files, the response file, rules and objectives.

    Raises:
        UserError: One of them is wrong.
    """
    configs = scrape_configs(settings)
    alertmanagers(settings)
    alerting_files(settings)
    rule_groups(settings, check_only(), files=configs.rules.files)
