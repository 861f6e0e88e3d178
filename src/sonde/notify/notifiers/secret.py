"""Secrets where they are used: from the configuration or from a file, which is read again each time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import BaseModel, SecretStr

from sonde.errors import UserError
from sonde.notify.configuration.values import SECRET

_SHORTEST: Final = 4
"""What is shorter would be found in any text."""
_SHORTEST_TOKEN: Final = 16
"""A part of a path that is shorter is a word, and no secret by itself."""


def revealed(secret: SecretStr | None, file: Path | None, what: str) -> str:
    """The secret itself, without white space around it.

    Raises:
        UserError: The file cannot be read.

    >>> revealed(SecretStr("pw"), None, "password"), revealed(None, None, "password")
    ('pw', '')
    >>> revealed(None, Path("/nowhere"), "token_file")
    Traceback (most recent call last):
    sonde.errors.UserError: read token_file: /nowhere: No such file or directory [notify.secret]
    """
    if secret is not None and secret.get_secret_value():
        return secret.get_secret_value()
    if file is None:
        return ""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise UserError(f"read {what}: {file}: {reason}", code="notify.secret") from None


def secrets_in(config: object) -> Iterator[str]:
    """All secrets that a section of the configuration holds itself; not those in files.

    >>> from sonde.notify.configuration.push import NtfyConfig
    >>> list(secrets_in(NtfyConfig(topic="alerts-7", http_config={"basic_auth": {"username": "a", "password": "pw"}})))
    ['pw', 'alerts-7']
    """
    match config:
        case SecretStr():
            yield from parts_of(config.get_secret_value())
        case BaseModel():
            for _, value in config:
                yield from secrets_in(value)
        case Mapping():
            for value in config.values():
                yield from secrets_in(value)
        case tuple() | list():
            for value in config:
                yield from secrets_in(value)
        case _:
            return


def without(text: str, secrets: Iterable[str]) -> str:
    """A text from elsewhere, in which the secrets are hidden, however they are written.

    >>> without("POST /hook/s3cr3t%2B: no s3cr3t+", ["s3cr3t+"])
    'POST /hook/<secret>: no <secret>'
    """
    forms = {form for secret in secrets for form in (secret, quote(secret, safe=""), quote(secret))}
    for form in sorted(forms, key=len, reverse=True):
        if len(form) >= _SHORTEST:
            text = text.replace(form, SECRET)
    return text


def parts_of(url: str) -> tuple[str, ...]:
    """What of a secret URL must not be shown: all of it, its path, its query, its password.

    >>> parts_of("https://a.org/T0/abc"), parts_of("https://a.org/T0/0123456789abcdef")[2:]
    (('https://a.org/T0/abc', '/T0/abc'), ('T0/0123456789abcdef', '0123456789abcdef'))
    >>> parts_of("https://key@a.org/?v=1&sig=0123456789abcdef")[1:]
    ('/', 'v=1&sig=0123456789abcdef', 'key', '0123456789abcdef')
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return (url,)
    path = parts.path.strip("/")
    values = (value for _, value in parse_qsl(parts.query))
    tokens = (part for part in (path, *path.split("/"), *values) if len(part) >= _SHORTEST_TOKEN)
    found = (url, parts.path, parts.query, parts.username or "", parts.password or "", *tokens)
    return tuple(dict.fromkeys(part for part in found if part))
