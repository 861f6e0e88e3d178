"""Fills in what receivers take from ``global``, as a table: their field, ``global``'s field, what if neither."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import SecretStr

from sonde.notify.configuration.incident import PagerdutyConfig
from sonde.notify.configuration.integration import HttpIntegrationConfig, IntegrationConfig
from sonde.notify.configuration.sections import GlobalSection


@dataclass(frozen=True, slots=True)
class Inherited:
    """Fields that are taken together: when none of them is given, all are ``global``'s."""

    fields: tuple[str, ...]
    globals: tuple[str, ...]
    missing: str = ""
    """What is said when nobody gives them; "" if they may be missing."""


def _of(field: str, of_global: str, missing: str = "") -> Inherited:
    return Inherited((field,), (of_global,), missing)


def _or_file(field: str, of_global: str, missing: str = "") -> Inherited:
    return Inherited((field, f"{field}_file"), (of_global, f"{of_global}_file"), missing)


INHERITED: Final[Mapping[str, tuple[Inherited, ...]]] = {
    "email_configs": (
        _of("tls_config", "smtp_tls_config"),
        _of("smarthost", "smtp_smarthost", "no global SMTP smarthost set"),
        _of("from_", "smtp_from", "no global SMTP from set"),
        _of("hello", "smtp_hello"),
        _of("auth_username", "smtp_auth_username"),
        _or_file("auth_password", "smtp_auth_password"),
        _of("auth_secret", "smtp_auth_secret"),
        _of("auth_identity", "smtp_auth_identity"),
        _of("require_tls", "smtp_require_tls"),
    ),
    "slack_configs": (_or_file("api_url", "slack_api_url", "no global Slack API URL set either inline or in a file"),),
    "pagerduty_configs": (_of("url", "pagerduty_url", "no global PagerDuty URL set"),),
    "opsgenie_configs": (
        _of("api_url", "opsgenie_api_url", "no global OpsGenie URL set"),
        _or_file("api_key", "opsgenie_api_key", "no global OpsGenie API Key set either inline or in a file"),
    ),
    "wechat_configs": (
        _of("api_url", "wechat_api_url", "no global Wechat URL set"),
        _of("api_secret", "wechat_api_secret", "no global Wechat ApiSecret set"),
        _of("corp_id", "wechat_api_corp_id", "no global Wechat CorpID set"),
    ),
    "victorops_configs": (
        _of("api_url", "victorops_api_url", "no global VictorOps URL set"),
        _or_file("api_key", "victorops_api_key", "no global VictorOps API Key set"),
    ),
    "telegram_configs": (_of("api_url", "telegram_api_url"),),
    "webex_configs": (_of("api_url", "webex_api_url", "no global Webex URL set"),),
    "jira_configs": (_of("api_url", "jira_api_url", "no global Jira Cloud URL set"),),
    "rocketchat_configs": (
        _of("api_url", "rocketchat_api_url"),
        _or_file("token_id", "rocketchat_token_id", "no global Rocketchat TokenID set either inline or in a file"),
        _or_file("token", "rocketchat_token", "no global Rocketchat Token set either inline or in a file"),
    ),
}
_WITH_SLASH: Final = frozenset({"opsgenie_configs", "wechat_configs", "victorops_configs"})


def filled(key: str, config: IntegrationConfig, common: GlobalSection) -> IntegrationConfig:
    """A configuration with all that it takes from elsewhere.

    Raises:
        ValueError: something is given nowhere; in Alertmanager's words.
    """
    update = dict(_taken(key, config, common))
    if isinstance(config, HttpIntegrationConfig) and config.http_config is None:
        update["http_config"] = common.http_config
    if isinstance(config, PagerdutyConfig) and not config.source:
        update["source"] = config.client
    if key in _WITH_SLASH:
        url = str(update.get("api_url") or getattr(config, "api_url", ""))
        update["api_url"] = url if url.endswith("/") else f"{url}/"
    return config.model_copy(update=update)


def _taken(key: str, config: IntegrationConfig, common: GlobalSection) -> Iterator[tuple[str, Any]]:
    for inherited in INHERITED.get(key, ()):
        if any(_is_given(getattr(config, field)) for field in inherited.fields):
            continue
        values = [getattr(common, name) for name in inherited.globals]
        if inherited.missing and not any(map(_is_given, values)):
            raise ValueError(inherited.missing)
        yield from zip(inherited.fields, values, strict=True)


def _is_given(value: object) -> bool:
    if isinstance(value, SecretStr):
        return bool(value.get_secret_value())
    return value is not None and value != ""
