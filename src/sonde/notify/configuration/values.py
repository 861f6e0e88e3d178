"""The kinds of value in Alertmanager's configuration, and the section that all others are: known keys only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from sonde.errors import UserError
from sonde.receivers.prometheus.config_values import AtKey, File, Section
from sonde.telemetry.duration import parse_nanoseconds, parse_strict_nanoseconds

SECRET: Final = "<secret>"  # noqa: S105 - what is shown instead of one
_GO_DURATION: Final = re.compile(r"[+-]?(?:0|(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+", re.ASCII)
_LABEL_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_BRACKETED: Final = re.compile(r"\[([^\[\]]*)\]:([^:]*)")


def _prometheus_duration(value: Any) -> Any:
    """Nanoseconds of ``1h30m``.

    >>> _prometheus_duration("1m"), _prometheus_duration("0")
    (60000000000, 0)
    """
    if not isinstance(value, str):
        return value
    if value == "0":
        return 0
    if not value:
        raise ValueError("empty duration string")
    try:
        return parse_strict_nanoseconds(value)
    except UserError as error:
        raise ValueError(error.message) from error


def _go_duration(value: Any) -> Any:
    """Nanoseconds of Go's ``1.5h`` or ``-3s``.

    >>> _go_duration("1m30s"), _go_duration("1.5h")
    (90000000000, 5400000000000)
    """
    if not isinstance(value, str):
        return value
    if not _GO_DURATION.fullmatch(value):
        raise ValueError(f'time: invalid duration "{value}"')
    text = value.lstrip("+-").replace("μ", "µ")
    return (-1 if value.startswith("-") else 1) * parse_nanoseconds(text)


def checked_url(text: str) -> str:
    """A URL of http or https. Raises ``ValueError`` in Alertmanager's words.

    >>> checked_url("ftp://example.org")
    Traceback (most recent call last):
    ValueError: unsupported scheme "ftp" for URL
    """
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ValueError(f'parse "{text}": {error}') from error
    try:
        _ = parts.port
    except ValueError as error:
        # What stands where a port should may be a secret: it is not repeated.
        raise ValueError(f'parse "{text}": invalid port after host') from error
    if parts.scheme not in {"http", "https"}:
        raise ValueError(f'unsupported scheme "{parts.scheme}" for URL')
    if not parts.netloc:
        raise ValueError("missing host for URL")
    return text


def _checked_secret_url(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    if text == SECRET:
        return secret
    try:
        checked_url(text)
    except ValueError as error:
        raise ValueError(str(error).replace(text, "[REDACTED]")) from None
    return secret


def _checked_host_port(text: str) -> str:
    """An address with a port.

    >>> _checked_host_port("localhost:25"), _checked_host_port("[::1]:25")
    ('localhost:25', '[::1]:25')
    >>> _checked_host_port("localhost:")
    Traceback (most recent call last):
    ValueError: address "localhost:": port cannot be empty
    """
    if not text:
        return text
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError(f"address {text}: missing port in address")
    if ":" in host and not _BRACKETED.fullmatch(text):
        raise ValueError(f"address {text}: too many colons in address")
    if not port:
        raise ValueError(f'address "{text}": port cannot be empty')
    return text


def classic_label_name(name: str) -> str:
    """A name of letters, digits and underscores. Raises ``ValueError``."""
    if not _LABEL_NAME.fullmatch(name):
        raise ValueError(f'invalid label name "{name}"')
    return name


def _texts(value: Any) -> Any:
    """Values of a mapping that are left empty are empty texts."""
    return {key: "" if each is None else each for key, each in value.items()} if isinstance(value, Mapping) else value


Duration = Annotated[int, BeforeValidator(_prometheus_duration)]
"""Nanoseconds, written as Prometheus writes them."""
GoDuration = Annotated[int, BeforeValidator(_go_duration)]
"""Nanoseconds, written as Go writes them."""
Url = Annotated[str, AfterValidator(checked_url)]
Secret = SecretStr
SecretUrl = Annotated[SecretStr, AfterValidator(_checked_secret_url)]
HostPort = Annotated[str, AfterValidator(_checked_host_port)]
TextsByName = Annotated[Mapping[str, str], BeforeValidator(_texts)]


def at_most_one(section: Section, *names: str) -> None:
    """Refuse a section that gives a thing in two ways, in Alertmanager's words."""
    given = [name for name in names if _is_given(getattr(section, name))]
    if len(given) > 1:
        raise AtKey(given[1], f"at most one of {' & '.join(names)} must be configured")


def one_needed(section: Section, *names: str) -> None:
    """Refuse a section that gives a thing in no way, or in two."""
    if not any(_is_given(getattr(section, name)) for name in names):
        raise ValueError(f"one of {' or '.join(names)} must be configured")
    at_most_one(section, *names)


def _is_given(value: object) -> bool:
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)


__all__ = [
    "SECRET",
    "AtKey",
    "Duration",
    "File",
    "GoDuration",
    "HostPort",
    "Secret",
    "SecretUrl",
    "Section",
    "TextsByName",
    "Url",
    "at_most_one",
    "checked_url",
    "classic_label_name",
    "one_needed",
]
