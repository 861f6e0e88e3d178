"""One conversation with a mail server: connect, TLS, say who we are, hand over a message.

It blocks and is meant for a thread; ``abort`` ends it from outside. Steps and words are Alertmanager's.

Specification: RFC 5321, RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 4616 (PLAIN), RFC 2195 (CRAM-MD5)
"""

from __future__ import annotations

import base64
import hmac
import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, cast

from sonde.notify.notifiers.answer import one_line

_TIMEOUT_SECONDS: Final = 30.0
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_MECHANISM: Final = re.compile(r"[A-Z0-9_-]+")
_ACCEPTED: Final = 235
_CHALLENGE: Final = 334


class SmtpError(Exception):
    """A step failed."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over, and how."""

    host: str
    port: int
    hello: str
    tls: ssl.SSLContext
    server_name: str
    """That the server's certificate must have."""
    is_implicit_tls: bool
    require_tls: bool
    username: str = ""
    identity: str = ""
    password: Callable[[], str] = field(default=lambda: "", repr=False)
    secret: Callable[[], str] = field(default=lambda: "", repr=False)
    """For CRAM-MD5."""


class Conversation:
    """One message to one server."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._client: smtplib.SMTP | None = None
        self._is_aborted = False

    def abort(self) -> None:
        """End it, from another thread; what is not yet handed over is not sent."""
        self._is_aborted = True
        connection = self._client.sock if self._client else None
        if connection is not None:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                return

    def hand_over(self, sender: str, recipients: Sequence[str], message: bytes) -> None:
        """Hand a message over.

        Raises:
            SmtpError: The server did not take it.
        """
        with _step("establish connection to server"):
            client = self._client = self._connected()
        try:
            self._introduce(client)
            with _step("send MAIL command"):
                _expect(client.mail(sender), 250)
            for recipient in recipients:
                with _step("send RCPT command"):
                    _expect(client.rcpt(recipient), 250, 251)
            with _step("delivery failure"):
                self._go_on()
                _expect(client.data(message), 250)
        except BaseException:
            client.close()
            raise
        try:
            client.quit()
        except (smtplib.SMTPException, OSError):
            client.close()  # the message is theirs already

    def _go_on(self) -> None:
        if self._is_aborted:
            raise smtplib.SMTPServerDisconnected("aborted")

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if server.is_implicit_tls:
            return smtplib.SMTP_SSL(
                server.host,
                server.port,
                local_hostname=server.hello or None,
                timeout=_TIMEOUT_SECONDS,
                context=_named(server.tls, server.server_name),
            )
        return smtplib.SMTP(server.host, server.port, local_hostname=server.hello or None, timeout=_TIMEOUT_SECONDS)

    def _introduce(self, client: smtplib.SMTP) -> None:
        server = self._server
        with _step("send EHLO command"):
            client.ehlo_or_helo_if_needed()
        is_encrypted = server.is_implicit_tls
        if server.require_tls and not is_encrypted:
            if not client.has_extn("starttls"):
                address = f"{server.host}:{server.port}"
                raise SmtpError(
                    f"'require_tls' is true (default) but \"{address}\" does not advertise the STARTTLS extension"
                )
            with _step("send STARTTLS command"):
                client.starttls(context=_named(server.tls, server.server_name))
                client.ehlo_or_helo_if_needed()
            is_encrypted = True
        if server.username and client.has_extn("auth"):
            offered = _MECHANISM.findall(client.esmtp_features["auth"].upper())
            self._authenticate(client, list(dict.fromkeys(offered)), is_encrypted=is_encrypted)

    def _authenticate(self, client: smtplib.SMTP, mechanisms: Sequence[str], *, is_encrypted: bool) -> None:
        """By the first mechanism of the server's for which we have what it takes."""
        server = self._server
        faults: list[str] = []
        for mechanism in mechanisms:
            match mechanism:
                case "CRAM-MD5":
                    if secret := server.secret():
                        with _step("CRAM-MD5 auth"):
                            challenge = _expect(client.docmd("AUTH", "CRAM-MD5"), _CHALLENGE)
                            digest = hmac.new(secret.encode(), base64.b64decode(challenge), "md5").hexdigest()
                            _expect(client.docmd(_base64(f"{server.username} {digest}")), _ACCEPTED)
                        return
                    faults.append("missing secret for CRAM-MD5 auth mechanism")
                case "PLAIN":
                    if password := server.password():
                        if not is_encrypted and server.host not in _LOCAL:
                            raise SmtpError("PLAIN auth: unencrypted connection")
                        said = _base64(f"{server.identity}\0{server.username}\0{password}")
                        with _step("PLAIN auth"):
                            _expect(client.docmd("AUTH", f"PLAIN {said}"), _ACCEPTED)
                        return
                    faults.append("missing password for PLAIN auth mechanism")
                case "LOGIN":
                    if password := server.password():
                        with _step("LOGIN auth"):
                            _expect(client.docmd("AUTH", "LOGIN"), _CHALLENGE)
                            _expect(client.docmd(_base64(server.username)), _CHALLENGE)
                            _expect(client.docmd(_base64(password)), _ACCEPTED)
                        return
                    faults.append("missing password for LOGIN auth mechanism")
                case _:
                    faults.append(f"unknown auth mechanism: {mechanism}")
        raise SmtpError(f"find auth mechanism: {'; '.join(faults)}")


class _NamedContext:
    """A context of TLS for which the server has another name than its address."""

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        self._context, self._name = context, name

    def wrap_socket(self, sock: socket.socket, server_hostname: str | None = None, **options: Any) -> ssl.SSLSocket:
        return self._context.wrap_socket(sock, server_hostname=self._name or server_hostname, **options)


def _named(context: ssl.SSLContext, name: str) -> ssl.SSLContext:
    return cast("ssl.SSLContext", _NamedContext(context, name))  # smtplib calls nothing else of it


@contextmanager
def _step(what: str) -> Iterator[None]:
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise SmtpError(f"{what}: tls: failed to verify certificate: {error.verify_message}") from None
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise SmtpError(f"{what}: {error.smtp_code} {one_line(text)}") from None
    except (smtplib.SMTPException, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SmtpError(f"{what}: {one_line(str(reason)).lower()}") from None


def _expect(reply: tuple[int, bytes], *codes: int) -> bytes:
    code, text = reply
    if code not in codes:
        raise smtplib.SMTPResponseException(code, text)
    return text


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
