"""Configurations of incident management and issue trackers: PagerDuty, Opsgenie, VictorOps, Pushover, Jira.

Specification: https://prometheus.io/docs/alerting/latest/configuration/#receiver-integration-settings
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from pydantic import Field, field_validator, model_validator

from sonde.notify.configuration.integration import HttpIntegrationConfig
from sonde.notify.configuration.values import (
    AtKey,
    Duration,
    File,
    GoDuration,
    Secret,
    Section,
    TextsByName,
    Url,
    at_most_one,
    one_needed,
)

PAGERDUTY_DETAILS: Final = {
    "firing": '{{ template "pagerduty.default.instances" .Alerts.Firing }}',
    "resolved": '{{ template "pagerduty.default.instances" .Alerts.Resolved }}',
    "num_firing": "{{ .Alerts.Firing | len }}",
    "num_resolved": "{{ .Alerts.Resolved | len }}",
}
_RESPONDERS: Final = ("team", "teams", "user", "escalation", "schedule")
_VICTOROPS_OWN: Final = (
    "routing_key",
    "message_type",
    "state_message",
    "entity_display_name",
    "monitoring_tool",
    "entity_id",
    "entity_state",
)


class PagerdutyImage(Section):
    """A picture in an incident."""

    src: str = ""
    alt: str = ""
    href: str = ""


class PagerdutyLink(Section):
    """A link in an incident."""

    href: str = ""
    text: str = ""


class PagerdutyConfig(HttpIntegrationConfig):
    """``pagerduty_configs``."""

    service_key: Secret | None = None
    service_key_file: File | None = None
    routing_key: Secret | None = None
    routing_key_file: File | None = None
    url: Url | None = None
    client: str = '{{ template "pagerduty.default.client" . }}'
    client_url: str = '{{ template "pagerduty.default.clientURL" . }}'
    description: str = '{{ template "pagerduty.default.description" .}}'
    details: TextsByName = Field(default=PAGERDUTY_DETAILS)
    images: tuple[PagerdutyImage, ...] = ()
    links: tuple[PagerdutyLink, ...] = ()
    source: str = ""
    """The client, once a file is read, where nothing is given."""
    severity: str = ""
    class_: Annotated[str, Field(alias="class")] = ""
    component: str = ""
    group: str = ""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        keys = (self.routing_key, self.service_key, self.routing_key_file, self.service_key_file)
        if not any(keys):
            raise ValueError("missing service or routing key in PagerDuty config")
        at_most_one(self, "routing_key", "routing_key_file")
        at_most_one(self, "service_key", "service_key_file")
        return self

    @field_validator("details")
    @classmethod
    def _with_defaults(cls, details: Mapping[str, str]) -> Mapping[str, str]:
        return {**PAGERDUTY_DETAILS, **details}


class OpsGenieResponder(Section):
    """Who is to respond; one of id, name and username."""

    id: str = ""
    name: str = ""
    username: str = ""
    type: str = ""

    @model_validator(mode="after")
    def _known(self) -> Self:
        shown = f"{{{self.id} {self.name} {self.username} {self.type}}}"
        if not (self.id or self.name or self.username):
            raise ValueError(
                f"opsGenieConfig responder {shown} has to have at least one of id, username or name specified"
            )
        if "{{" not in self.type and self.type.lower() not in _RESPONDERS:
            options = "|".join(_RESPONDERS)
            raise ValueError(f"opsGenieConfig responder {shown} type does not match valid options ^({options})$")
        return self


class OpsGenieConfig(HttpIntegrationConfig):
    """``opsgenie_configs``."""

    api_key: Secret | None = None
    api_key_file: File | None = None
    api_url: Url | None = None
    message: str = '{{ template "opsgenie.default.message" . }}'
    description: str = '{{ template "opsgenie.default.description" . }}'
    source: str = '{{ template "opsgenie.default.source" . }}'
    details: TextsByName = Field(default_factory=dict)
    entity: str = ""
    responders: tuple[OpsGenieResponder, ...] = ()
    actions: str = ""
    tags: str = ""
    note: str = ""
    priority: str = ""
    update_alerts: bool = False

    @model_validator(mode="after")
    def _once(self) -> Self:
        at_most_one(self, "api_key", "api_key_file")
        return self


class VictorOpsConfig(HttpIntegrationConfig):
    """``victorops_configs``."""

    api_key: Secret | None = None
    api_key_file: File | None = None
    api_url: Url | None = None
    routing_key: str = ""
    message_type: str = "CRITICAL"
    state_message: str = '{{ template "victorops.default.state_message" . }}'
    entity_display_name: str = '{{ template "victorops.default.entity_display_name" . }}'
    monitoring_tool: str = '{{ template "victorops.default.monitoring_tool" . }}'
    custom_fields: TextsByName = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.routing_key:
            raise ValueError("missing Routing key in VictorOps config")
        at_most_one(self, "api_key", "api_key_file")
        for name in _VICTOROPS_OWN:
            if name in self.custom_fields:
                raise AtKey(
                    "custom_fields",
                    f"victorOps config contains custom field {name} which cannot be used as it conflicts with the "
                    "fixed/static fields",
                )
        return self


class PushoverConfig(HttpIntegrationConfig):
    """``pushover_configs``."""

    user_key: Secret | None = None
    user_key_file: File | None = None
    token: Secret | None = None
    token_file: File | None = None
    title: str = '{{ template "pushover.default.title" . }}'
    message: str = '{{ template "pushover.default.message" . }}'
    url: str = '{{ template "pushover.default.url" . }}'
    url_title: str = ""
    device: str = ""
    sound: str = ""
    priority: str = '{{ if eq .Status "firing" }}2{{ else }}0{{ end }}'
    retry: GoDuration = 60 * 10**9
    expire: GoDuration = 3600 * 10**9
    ttl: GoDuration = 0
    html: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        one_needed(self, "user_key", "user_key_file")
        one_needed(self, "token", "token_file")
        return self


class JiraConfig(HttpIntegrationConfig):
    """``jira_configs``."""

    api_url: Url | None = None
    project: str = ""
    summary: str = '{{ template "jira.default.summary" . }}'
    description: str = '{{ template "jira.default.description" . }}'
    labels: tuple[str, ...] = ()
    priority: str = '{{ template "jira.default.priority" . }}'
    issue_type: str = ""
    reopen_transition: str = ""
    resolve_transition: str = ""
    wont_fix_resolution: str = ""
    reopen_duration: Duration = 0
    fields: Mapping[str, Any] = Field(default_factory=dict)
    """Values keep the kinds that YAML gives them."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.project:
            raise ValueError("missing project in jira_config")
        if not self.issue_type:
            raise ValueError("missing issue_type in jira_config")
        return self
