"""Configurations of plain ways to send a message: webhook, e-mail, Amazon SNS.

Specification: https://prometheus.io/docs/alerting/latest/configuration/#receiver-integration-settings
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from sonde.notify.configuration.integration import HttpIntegrationConfig, IntegrationConfig
from sonde.notify.configuration.values import (
    File,
    GoDuration,
    HostPort,
    Secret,
    SecretUrl,
    Section,
    TextsByName,
    one_needed,
)
from sonde.receivers.prometheus.http_config import TlsConfig


class WebhookConfig(HttpIntegrationConfig):
    """``webhook_configs``: Alertmanager's own payload."""

    url: SecretUrl | None = None
    url_file: File | None = None
    max_alerts: Annotated[int, Field(ge=0)] = 0
    """How many alerts one message has at most; 0: all."""
    timeout: GoDuration = 0

    @model_validator(mode="after")
    def _complete(self) -> Self:
        one_needed(self, "url", "url_file")
        return self


class ThreadingConfig(Section):
    """Which mails a reader shows as one conversation."""

    enabled: bool = False
    thread_by_date: Literal["none", "daily"] = "daily"
    """Whether a group begins a new conversation every day."""


class EmailConfig(IntegrationConfig):
    """``email_configs``."""

    send_resolved: bool = False
    to: str = ""
    from_: Annotated[str, Field(alias="from")] = ""
    hello: str = ""
    smarthost: HostPort = ""
    auth_username: str = ""
    auth_password: Secret | None = None
    auth_password_file: File | None = None
    auth_secret: Secret | None = None
    auth_identity: str = ""
    headers: TextsByName = Field(default_factory=dict)
    html: str = '{{ template "email.default.html" . }}'
    text: str = ""
    require_tls: bool | None = None
    force_implicit_tls: bool | None = None
    """TLS from the first byte; without a value it is spoken at port 465."""
    tls_config: TlsConfig | None = None
    threading: ThreadingConfig = ThreadingConfig()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.to:
            raise ValueError("missing to address in email config")
        return self

    @field_validator("headers")
    @classmethod
    def _canonical(cls, headers: Mapping[str, str]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for name, value in headers.items():
            written = "-".join(part[:1].upper() + part[1:].lower() for part in name.split("-"))
            if written in found:
                raise ValueError(f'duplicate header "{written}" in email config')
            found[written] = value
        return found


class SigV4Config(Section):
    """Who asks Amazon."""

    region: str = ""
    access_key: str = ""
    secret_key: Secret | None = None
    profile: str = ""
    role_arn: str = ""
    use_fips_sts_endpoint: bool = False

    @model_validator(mode="after")
    def _both(self) -> Self:
        if bool(self.access_key) != bool(self.secret_key):
            raise ValueError(
                "must provide a AWS SigV4 Access key and Secret Key if credentials are specified in the SigV4 config"
            )
        return self


class SNSConfig(HttpIntegrationConfig):
    """``sns_configs``."""

    api_url: str = ""
    sigv4: SigV4Config = SigV4Config()
    topic_arn: str = ""
    phone_number: str = ""
    target_arn: str = ""
    subject: str = '{{ template "sns.default.subject" . }}'
    message: str = '{{ template "sns.default.message" . }}'
    attributes: TextsByName = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        # As Alertmanager has it: an odd number of the three, so that all of them pass too.
        if (bool(self.target_arn) + bool(self.topic_arn) + bool(self.phone_number)) % 2 == 0:
            raise ValueError("must provide either a Target ARN, Topic ARN, or Phone Number for SNS config")
        return self
