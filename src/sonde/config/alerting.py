"""Who is told of alerts, of the configuration, as ``notify`` has it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sonde.config.settings import Settings
from sonde.errors import UserError
from sonde.notify.alertmanagers.alerting_config import AlertingConfig, load_alerting
from sonde.notify.configuration import Configuration, load_configuration, parse_configuration
from sonde.notify.message_templates import MessageTemplates
from sonde.notify.notifiers.registry import refused
from sonde.notify.response.plan import ResponsePlan, load_plan
from sonde.notify.watchdog.watch import routed
from sonde.rules.rule_file import matching_files

_NOBODY = "{route: {receiver: nobody}, receivers: [{name: nobody}]}"


@dataclass(frozen=True, slots=True)
class AlertingFiles:
    """Alertmanager's file with the templates that it names, and the response file."""

    configuration: Configuration
    templates: MessageTemplates
    plan: ResponsePlan


def alerting_files(settings: Settings) -> AlertingFiles:
    """What is configured; without a file everybody's alerts go to nobody.

    Raises:
        UserError: A file cannot be read, or something in it is wrong.
    """
    file = settings.alertmanager.config_file
    configuration = load_configuration(file, refused=refused()) if file else parse_configuration(_NOBODY)
    response = settings.alertmanager.response_file
    plan = load_plan(response, receivers=configuration.receivers) if response else ResponsePlan()
    paths = matching_files(configuration.templates)
    return AlertingFiles(
        routed(configuration, plan.watchdogs.expectations),
        MessageTemplates([(path, _text(path)) for path in paths]),
        plan,
    )


def alertmanagers(settings: Settings) -> AlertingConfig:
    """The Alertmanagers elsewhere that Prometheus' own configuration names.

    Raises:
        UserError: The file cannot be read, or something in the section is wrong.
    """
    file = settings.prometheus.config_file
    return load_alerting(file) if file else AlertingConfig()


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UserError(f"{path} cannot be read: {reason}", code="notify.template") from error
