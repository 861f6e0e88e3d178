"""``http_config`` of receivers: all that scrape configurations have, OAuth 2.0 and proxies by the environment.

Specification: https://prometheus.io/docs/alerting/latest/configuration/#http_config
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from sonde.notify.configuration.values import AtKey, File, Secret, Section, TextsByName, at_most_one
from sonde.receivers.prometheus.http_config import HttpConfig, TlsConfig


class OAuth2(Section):
    """How to get a token from an identity provider."""

    client_id: str = ""
    client_secret: Secret | None = None
    client_secret_file: File | None = None
    scopes: tuple[str, ...] = ()
    token_url: str = ""
    endpoint_params: TextsByName = Field(default_factory=dict)
    tls_config: TlsConfig = TlsConfig()
    proxy_url: str = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False
    proxy_connect_header: Mapping[str, tuple[Secret, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.client_id:
            raise ValueError("oauth2 client_id must be configured")
        if not self.token_url:
            raise ValueError("oauth2 token_url must be configured")
        at_most_one(self, "client_secret", "client_secret_file")
        return self


class NotifierHttpConfig(HttpConfig):
    """How a notifier asks over HTTP."""

    oauth2: OAuth2 | None = None
    no_proxy: str = ""
    proxy_from_environment: bool = False
    proxy_connect_header: Mapping[str, tuple[Secret, ...]] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _say_no(cls, given: Any) -> Any:
        """Nothing to refuse: what scraping does not do, notifiers do."""
        return given

    @field_validator("proxy_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        """Alertmanager takes an address without ``http://``, too."""
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.oauth2 and (self.basic_auth or self.authorization or self.bearer_token or self.bearer_token_file):
            raise AtKey("oauth2", "at most one of basic_auth, oauth2 & authorization must be configured")
        if self.proxy_from_environment and self.proxy_url:
            raise AtKey("proxy_url", "if proxy_from_environment is configured, proxy_url must not be configured")
        if self.proxy_from_environment and self.no_proxy:
            raise AtKey("no_proxy", "if proxy_from_environment is configured, no_proxy must not be configured")
        if self.no_proxy and not self.proxy_url:
            raise AtKey("no_proxy", "if no_proxy is configured, proxy_url must also be configured")
        if self.proxy_connect_header and not (self.proxy_url or self.proxy_from_environment):
            raise AtKey(
                "proxy_connect_header",
                "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured",
            )
        return self
