"""The sections of Alertmanager's configuration file as they are written; ``read`` checks the whole.

Specification: https://prometheus.io/docs/alerting/latest/configuration/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, field_validator, model_validator

from sonde.errors import UserError
from sonde.notify.configuration.chat import (
    DiscordConfig,
    MSTeamsConfig,
    MSTeamsV2Config,
    RocketchatConfig,
    SlackConfig,
    TelegramConfig,
    WebexConfig,
    WechatConfig,
)
from sonde.notify.configuration.http_config import NotifierHttpConfig
from sonde.notify.configuration.incident import (
    JiraConfig,
    OpsGenieConfig,
    PagerdutyConfig,
    PushoverConfig,
    VictorOpsConfig,
)
from sonde.notify.configuration.message import EmailConfig, SNSConfig, WebhookConfig
from sonde.notify.configuration.push import AppriseConfig, NtfyConfig
from sonde.notify.configuration.values import (
    Duration,
    File,
    HostPort,
    Secret,
    SecretUrl,
    Section,
    TextsByName,
    Url,
    at_most_one,
    classic_label_name,
)
from sonde.notify.matchers import Matchers, in_order, parse_matchers
from sonde.notify.time_interval import (
    Range,
    TimeInterval,
    parse_days_of_month,
    parse_location,
    parse_months,
    parse_time_range,
    parse_weekdays,
    parse_years,
)
from sonde.receivers.prometheus.http_config import TlsConfig
from sonde.telemetry.matcher import Matcher
from sonde.telemetry.regexp import fault_of

ALL_LABELS: Final = "..."
_GLOBAL_PAIRS: Final = (
    "slack_api_url",
    "opsgenie_api_key",
    "victorops_api_key",
    "smtp_auth_password",
    "rocketchat_token",
    "rocketchat_token_id",
)


def _matchers(value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        return value
    try:
        return in_order(matcher for line in value for matcher in parse_matchers(line))
    except UserError as error:
        raise ValueError(error.message) from error


def _is_regexp(values: Mapping[str, str]) -> Mapping[str, str]:
    for value in values.values():
        if fault := fault_of(f"^(?:{value})$"):
            raise ValueError(fault)
    return values


def _classic_names(values: Mapping[str, str]) -> Mapping[str, str]:
    for name in values:
        classic_label_name(name)
    return values


def _regexps_given(value: Any) -> Any:
    if isinstance(value, Mapping):
        for name, pattern in value.items():
            if pattern is None:
                raise ValueError(f'invalid regexp value for "{name}"')
    return value


MatcherLines = Annotated[tuple[Matcher, ...], BeforeValidator(_matchers)]
Match = Annotated[TextsByName, AfterValidator(_classic_names)]
MatchRegexp = Annotated[
    TextsByName, BeforeValidator(_regexps_given), AfterValidator(_classic_names), AfterValidator(_is_regexp)
]


def _joined(match: Mapping[str, str], match_re: Mapping[str, str], matchers: Matchers) -> Matchers:
    """Matchers of the older keys and of the newer one."""
    return in_order(
        (
            *(Matcher(name, "=", value) for name, value in match.items()),
            *(Matcher(name, "=~", value) for name, value in match_re.items()),
            *matchers,
        )
    )


class GlobalSection(Section):
    """``global``: what holds for all receivers that do not say otherwise."""

    resolve_timeout: Duration = 300 * 10**9
    http_config: NotifierHttpConfig = NotifierHttpConfig()
    smtp_from: str = ""
    smtp_hello: str = "localhost"
    smtp_smarthost: HostPort = ""
    smtp_auth_username: str = ""
    smtp_auth_password: Secret | None = None
    smtp_auth_password_file: File | None = None
    smtp_auth_secret: Secret | None = None
    smtp_auth_identity: str = ""
    smtp_require_tls: bool = True
    smtp_tls_config: TlsConfig = TlsConfig()
    slack_api_url: SecretUrl | None = None
    slack_api_url_file: File | None = None
    pagerduty_url: Url = "https://events.pagerduty.com/v2/enqueue"
    opsgenie_api_url: Url = "https://api.opsgenie.com/"
    opsgenie_api_key: Secret | None = None
    opsgenie_api_key_file: File | None = None
    wechat_api_url: Url = "https://qyapi.weixin.qq.com/cgi-bin/"
    wechat_api_secret: Secret | None = None
    wechat_api_corp_id: str = ""
    victorops_api_url: Url = "https://alert.victorops.com/integrations/generic/20131114/alert/"
    victorops_api_key: Secret | None = None
    victorops_api_key_file: File | None = None
    telegram_api_url: Url = "https://api.telegram.org"
    webex_api_url: Url = "https://webexapis.com/v1/messages"
    rocketchat_api_url: Url = "https://open.rocket.chat/"
    rocketchat_token: Secret | None = None
    rocketchat_token_file: File | None = None
    rocketchat_token_id: Secret | None = None
    rocketchat_token_id_file: File | None = None
    jira_api_url: Url | None = None

    @model_validator(mode="after")
    def _once(self) -> Self:
        for name in _GLOBAL_PAIRS:
            at_most_one(self, name, f"{name}_file")
        return self


class RouteSection(Section):
    """A node of the tree of routes."""

    receiver: str = ""
    group_by: tuple[str, ...] | None = None
    match: Match = Field(default_factory=dict)
    match_re: MatchRegexp = Field(default_factory=dict)
    matchers: MatcherLines = ()
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()
    continue_: Annotated[bool, Field(alias="continue")] = False
    routes: tuple[RouteSection, ...] = ()
    group_wait: Duration | None = None
    group_interval: Duration | None = None
    repeat_interval: Duration | None = None

    @field_validator("group_by")
    @classmethod
    def _labels(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        names = [name for name in value or () if name != ALL_LABELS]
        for name in names:
            if not name:
                raise ValueError('invalid label name "" in group_by list')
        if names and len(names) != len(value or ()):
            raise ValueError("cannot have wildcard group_by (`...`) and other other labels at the same time")
        for place, name in enumerate(names):
            if name in names[:place]:
                raise ValueError(f'duplicated label "{name}" in group_by')
        return value

    @field_validator("group_interval", "repeat_interval")
    @classmethod
    def _not_zero(cls, value: int | None, info: Any) -> int | None:
        if value == 0:
            raise ValueError(f"{info.field_name} cannot be zero")
        return value

    def all_matchers(self) -> Matchers:
        """What an alert must fit."""
        return _joined(self.match, self.match_re, self.matchers)


class InhibitSection(Section):
    """One of ``inhibit_rules``."""

    source_match: Match = Field(default_factory=dict)
    source_match_re: MatchRegexp = Field(default_factory=dict)
    source_matchers: MatcherLines = ()
    target_match: Match = Field(default_factory=dict)
    target_match_re: MatchRegexp = Field(default_factory=dict)
    target_matchers: MatcherLines = ()
    equal: tuple[str, ...] = ()

    @field_validator("equal")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "" in value:
            raise ValueError('invalid label name "" in equal list')
        return value

    def sources(self) -> Matchers:
        """What an alert that inhibits fits."""
        return _joined(self.source_match, self.source_match_re, self.source_matchers)

    def targets(self) -> Matchers:
        """What an alert that is inhibited fits."""
        return _joined(self.target_match, self.target_match_re, self.target_matchers)


def _each(parse: Callable[[str], Range]) -> PlainValidator:
    def ranges(value: Any) -> tuple[Range, ...]:
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise ValueError("expected a list of ranges")
        try:
            return tuple(map(parse, value))
        except UserError as error:
            raise ValueError(error.message) from error

    return PlainValidator(ranges)


class TimeRangeSection(Section):
    """From one time of day until another."""

    start_time: str = ""
    end_time: str = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.minutes()
        return self

    def minutes(self) -> Range:
        """Both as minutes of the day."""
        try:
            return parse_time_range(self.start_time, self.end_time)
        except UserError as error:
            raise ValueError(error.message) from error


class TimeIntervalSection(Section):
    """A stretch of the calendar."""

    times: tuple[TimeRangeSection, ...] | None = None
    weekdays: Annotated[tuple[Range, ...], _each(parse_weekdays)] | None = None
    days_of_month: Annotated[tuple[Range, ...], _each(parse_days_of_month)] | None = None
    months: Annotated[tuple[Range, ...], _each(parse_months)] | None = None
    years: Annotated[tuple[Range, ...], _each(parse_years)] | None = None
    location: str = "UTC"

    @field_validator("location")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            parse_location(value)
        except UserError as error:
            raise ValueError(error.message) from error
        return value

    def interval(self) -> TimeInterval:
        """The stretch to ask whether a moment lies within."""
        return TimeInterval(
            times=None if self.times is None else tuple(each.minutes() for each in self.times),
            weekdays=self.weekdays,
            days_of_month=self.days_of_month,
            months=self.months,
            years=self.years,
            location=parse_location(self.location),
        )


class MuteTimeIntervalSection(Section):
    """One of ``mute_time_intervals``, the older name of ``time_intervals``."""

    name: str = ""
    time_intervals: tuple[TimeIntervalSection, ...] = ()

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.name:
            raise ValueError("missing name in mute time interval")
        return self


class NamedTimeIntervalSection(Section):
    """One of ``time_intervals``."""

    name: str = ""
    time_intervals: tuple[TimeIntervalSection, ...] = ()

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.name:
            raise ValueError("missing name in time interval")
        return self


class ReceiverSection(Section):
    """Somebody to be told, in any number of ways; the order of the fields is the order in which they are told."""

    name: str = ""
    webhook_configs: tuple[WebhookConfig, ...] = ()
    email_configs: tuple[EmailConfig, ...] = ()
    pagerduty_configs: tuple[PagerdutyConfig, ...] = ()
    opsgenie_configs: tuple[OpsGenieConfig, ...] = ()
    wechat_configs: tuple[WechatConfig, ...] = ()
    slack_configs: tuple[SlackConfig, ...] = ()
    victorops_configs: tuple[VictorOpsConfig, ...] = ()
    pushover_configs: tuple[PushoverConfig, ...] = ()
    sns_configs: tuple[SNSConfig, ...] = ()
    telegram_configs: tuple[TelegramConfig, ...] = ()
    discord_configs: tuple[DiscordConfig, ...] = ()
    webex_configs: tuple[WebexConfig, ...] = ()
    msteams_configs: tuple[MSTeamsConfig, ...] = ()
    msteamsv2_configs: tuple[MSTeamsV2Config, ...] = ()
    jira_configs: tuple[JiraConfig, ...] = ()
    rocketchat_configs: tuple[RocketchatConfig, ...] = ()
    ntfy_configs: tuple[NtfyConfig, ...] = ()
    apprise_configs: tuple[AppriseConfig, ...] = ()

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.name:
            raise ValueError("missing name in receiver")
        return self


INTEGRATION_KEYS: Final = tuple(name for name in ReceiverSection.model_fields if name.endswith("_configs"))
"""Of a receiver, in the order in which they are told."""


class Document(Section):
    """The whole file."""

    global_: Annotated[GlobalSection, Field(alias="global")] = GlobalSection()
    route: RouteSection | None = None
    inhibit_rules: tuple[InhibitSection, ...] = ()
    receivers: tuple[ReceiverSection, ...] = ()
    templates: tuple[str, ...] = ()
    mute_time_intervals: tuple[MuteTimeIntervalSection, ...] = ()
    time_intervals: tuple[NamedTimeIntervalSection, ...] = ()
