"""How a target, or a service that tells of targets, is asked over HTTP: credentials, TLS, redirects.

Specification: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from sonde.receivers.prometheus.config_values import File, Secret, Section, Texts, one_of, refuse_unsupported

_TLS_VERSIONS: Final = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
TlsVersion = Literal["TLS10", "TLS11", "TLS12", "TLS13"]
_UNSUPPORTED: Final = {
    "oauth2": "OAuth 2.0 is not supported; let a proxy get the tokens, or write them to authorization.credentials_file",
    "no_proxy": "no_proxy is not supported; set proxy_url only in the jobs that need it",
    "proxy_from_environment": "proxies from the environment are not supported; set proxy_url",
    "proxy_connect_header": "proxy_connect_header is not supported",
}
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OWN_HEADERS: Final = frozenset(
    {"accept", "accept-encoding", "authorization", "host", "user-agent", "x-prometheus-scrape-timeout-seconds"}
)


class BasicAuth(Section):
    """A user and a password, each here or in a file that is read again for every request."""

    username: str = ""
    username_file: File | None = None
    password: Secret | None = None
    password_file: File | None = None

    @model_validator(mode="after")
    def _once(self) -> Self:
        one_of(self, "username", "username_file")
        one_of(self, "password", "password_file")
        return self


class Authorization(Section):
    """The ``authorization`` header."""

    type: str = "Bearer"
    credentials: Secret | None = None
    credentials_file: File | None = None

    @model_validator(mode="after")
    def _once(self) -> Self:
        one_of(self, "credentials", "credentials_file")
        if self.type.strip().lower() == "basic":
            raise ValueError("authorization type cannot be set to 'basic', use basic_auth instead")
        return self


class TlsConfig(Section):
    """Whom to trust, and who we are."""

    ca: str = ""
    ca_file: File | None = None
    cert: str = ""
    cert_file: File | None = None
    key: Secret | None = None
    key_file: File | None = None
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: TlsVersion = "TLS12"
    max_version: TlsVersion | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        one_of(self, "ca", "ca_file")
        one_of(self, "cert", "cert_file")
        one_of(self, "key", "key_file")
        if self.cert or self.key:
            raise ValueError(
                "a certificate or key in the configuration itself is not supported; use cert_file, key_file"
            )
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file belong together")
        return self

    def context(self) -> ssl.SSLContext:
        """The context for connections. Reads the files; raises ``OSError`` or ``ssl.SSLError`` if one is not good."""
        context = ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None, cadata=self.ca or None)
        if self.insecure_skip_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.cert_file and self.key_file:
            context.load_cert_chain(self.cert_file, self.key_file)
        context.minimum_version = _TLS_VERSIONS[self.min_version]
        if self.max_version:
            context.maximum_version = _TLS_VERSIONS[self.max_version]
        return context


class HttpHeader(Section):
    """The values of one more header."""

    values: Texts = ()
    """Not secret."""
    secrets: tuple[Secret, ...] = ()
    files: tuple[File, ...] = ()


class HttpConfig(Section):
    """What scrape configurations and HTTP service discovery have in common."""

    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    bearer_token: Secret | None = None
    bearer_token_file: File | None = None
    tls_config: TlsConfig = TlsConfig()
    follow_redirects: bool = True
    enable_http2: bool = True
    """Accepted; HTTP/1.1 is spoken in any case, which every server that has HTTP/2 speaks too."""
    proxy_url: str = ""
    http_headers: Mapping[str, HttpHeader] = {}

    @model_validator(mode="before")
    @classmethod
    def _say_no(cls, given: Any) -> Any:
        return refuse_unsupported(given, _UNSUPPORTED)

    @field_validator("proxy_url")
    @classmethod
    def _is_url(cls, value: str) -> str:
        if value and urlsplit(value).scheme not in {"http", "https"}:
            raise ValueError("a proxy_url begins with http:// or https://")
        return value

    @field_validator("http_headers")
    @classmethod
    def _not_our_own(cls, value: Mapping[str, HttpHeader]) -> Mapping[str, HttpHeader]:
        for name in value:
            if not _HEADER_NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot be the name of a header")
            if name.lower() in _OWN_HEADERS:
                raise ValueError(f"setting header {name!r} is not allowed")
        return value

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        one_of(self, "basic_auth", "authorization", "bearer_token", "bearer_token_file")
        return self
