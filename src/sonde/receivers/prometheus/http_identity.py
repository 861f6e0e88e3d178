"""Who we are to a server: the header lines of a configuration, and TLS.

What stands in files is read again when they change.
"""

from __future__ import annotations

import base64
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sonde.errors import UserError
from sonde.receivers.prometheus.http_config import HttpConfig, TlsConfig

_NOT_IN_A_HEADER: Final = frozenset("\r\n\0")

Signature = tuple[int, int, int]


def signature(file: Path) -> Signature:
    """What differs once a file has been changed or replaced. Raises ``OSError``."""
    status = file.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


class TextFile:
    """The text of a small file, read again when it changes."""

    def __init__(self, file: Path, what: str) -> None:
        self._file, self._what = file, what
        self._signature: Signature | None = None
        self._text = ""

    def read(self) -> str:
        """The text without white space around it.

        Raises:
            UserError: It cannot be read.
        """
        try:
            now = signature(self._file)
            if now != self._signature:
                self._text = self._file.read_text(encoding="utf-8").strip()
                self._signature = now
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise UserError(f"unable to read {self._what} {self._file}: {reason}", code="http.credentials") from error
        return self._text


class _Text:
    """A text of the configuration itself."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read(self) -> str:
        return self._text


Text = TextFile | _Text


def _text(written: str, file: Path | None, what: str) -> Text:
    return TextFile(file, what) if file else _Text(written)


class Identity:
    """The header lines that a configuration wants sent."""

    def __init__(self, config: HttpConfig) -> None:
        self._scheme, self._texts = "", list[Text]()
        if config.basic_auth:
            basic = config.basic_auth
            password = basic.password.get_secret_value() if basic.password else ""
            self._scheme = "Basic"
            self._texts = [
                _text(basic.username, basic.username_file, "basic auth username file"),
                _text(password, basic.password_file, "basic auth password file"),
            ]
        elif config.authorization:
            given = config.authorization
            secret = given.credentials.get_secret_value() if given.credentials else ""
            self._scheme = given.type.strip()
            self._texts = [_text(secret, given.credentials_file, "authorization credentials file")]
        elif config.bearer_token or config.bearer_token_file:
            secret = config.bearer_token.get_secret_value() if config.bearer_token else ""
            self._scheme = "Bearer"
            self._texts = [_text(secret, config.bearer_token_file, "bearer token file")]
        self._headers: list[tuple[str, Text]] = []
        for name, header in config.http_headers.items():
            self._headers += [(name, _Text(value)) for value in header.values]
            self._headers += [(name, _Text(value.get_secret_value())) for value in header.secrets]
            self._headers += [(name, TextFile(file, f"http header {name} file")) for file in header.files]

    @property
    def authenticates(self) -> bool:
        """Whether it says who is asking."""
        return bool(self._texts)

    def lines(self) -> str:
        r"""The lines, each with its end.

        Raises:
            UserError: A file cannot be read, or what it says cannot stand in a header.

        >>> Identity(HttpConfig.model_validate({"basic_auth": {"username": "me", "password": "pw"}})).lines()
        'authorization: Basic bWU6cHc=\r\n'
        """
        if not self._texts and not self._headers:
            return ""
        return "".join(header_line(name, value) for name, value in self._values())

    def _values(self) -> Iterator[tuple[str, str]]:
        if self._texts:
            said = ":".join(text.read() for text in self._texts)
            if self._scheme == "Basic":
                said = base64.b64encode(said.encode()).decode()
            yield "authorization", f"{self._scheme} {said}"
        for name, text in self._headers:
            yield name, text.read()


def header_line(name: str, value: str) -> str:
    r"""One line of a head.

    Raises:
        UserError: The value would be more than one line.

    >>> header_line("accept", "text/plain")
    'accept: text/plain\r\n'
    """
    if not _NOT_IN_A_HEADER.isdisjoint(value):
        raise UserError(f"the value of header {name!r} has a line break", code="http.header")
    return f"{name}: {value}\r\n"


class TlsContexts:
    """The contexts of TLS, one for all configurations that say the same, until their files change."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[tuple[Signature, ...], ssl.SSLContext]] = {}

    def context(self, config: TlsConfig) -> ssl.SSLContext:
        """The context for a connection.

        Raises:
            UserError: A file cannot be read, or is no certificate or key.
        """
        key = repr(config)
        files = [file for file in (config.ca_file, config.cert_file, config.key_file) if file]
        try:
            now = tuple(signature(file) for file in files)
            known = self._made.get(key)
            if known is None or known[0] != now:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)  # who writes TLS10 knows that it is old
                    known = self._made[key] = (now, config.context())
        except ssl.SSLError as error:  # before OSError, which it is too
            named = ", ".join(map(str, files)) or "tls_config"
            raise UserError(f"tls: {error.reason or error} in {named}", code="http.tls") from error
        except (OSError, ValueError) as error:
            named = getattr(error, "filename", None) or ", ".join(map(str, files)) or "tls_config"
            reason = getattr(error, "strerror", None) or str(error)
            raise UserError(f"unable to read {named} of tls_config: {reason}", code="http.tls") from error
        return known[1]
