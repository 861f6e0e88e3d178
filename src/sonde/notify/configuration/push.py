"""Configurations of what Alertmanager does not know: ntfy, and Apprise as a bridge to all others."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from sonde.notify.configuration.integration import HttpIntegrationConfig, IntegrationConfig
from sonde.notify.configuration.values import File, Secret, Url, at_most_one, one_needed


class NtfyConfig(HttpIntegrationConfig):
    """``ntfy_configs``. A topic is a secret: who knows it reads along."""

    url: Url = "https://ntfy.sh"
    topic: Secret | None = None
    topic_file: File | None = None
    token: Secret | None = None
    token_file: File | None = None
    title: str = '{{ template "ntfy.default.title" . }}'
    message: str = '{{ template "ntfy.default.message" . }}'
    priority: str = '{{ if eq .Status "firing" }}4{{ else }}3{{ end }}'
    tags: str = '{{ if eq .Status "firing" }}rotating_light{{ else }}white_check_mark{{ end }}'
    click: str = '{{ template "ntfy.default.click" . }}'
    icon: str = ""
    email: str = ""
    markdown: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        one_needed(self, "topic", "topic_file")
        at_most_one(self, "token", "token_file")
        http = self.http_config
        if (self.token or self.token_file) and http and (http.basic_auth or http.authorization or http.oauth2):
            raise ValueError("at most one of token & http_config's credentials must be configured")
        return self


class AppriseConfig(IntegrationConfig):
    """``apprise_configs``."""

    urls: tuple[Secret, ...] = ()
    urls_file: File | None = None
    """One URL a line."""
    title: str = '{{ template "apprise.default.title" . }}'
    message: str = '{{ template "apprise.default.message" . }}'
    format: Literal["text", "markdown", "html"] = "text"

    @model_validator(mode="after")
    def _complete(self) -> Self:
        one_needed(self, "urls", "urls_file")
        return self
