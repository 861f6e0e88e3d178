"""E-mail: a message with HTML and, if so wished, plain text.

Specification: RFC 5322 (messages), https://prometheus.io/docs/alerting/latest/configuration/#email_config
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Iterator
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime, getaddresses
from html import escape
from typing import Final

from sonde.errors import UserError
from sonde.notify.configuration.message import EmailConfig
from sonde.notify.message_context import MessageContext
from sonde.notify.notifier import Batch, Result
from sonde.notify.notifiers.additions import (
    HTML,
    HTML_LINES,
    IMAGE_NAME,
    IMAGE_TITLE,
    PLAIN,
    addition,
    joined,
    links_of,
)
from sonde.notify.notifiers.secret import revealed, without
from sonde.notify.notifiers.service import Means
from sonde.notify.notifiers.smtp import Conversation, MailServer, SmtpError
from sonde.notify.notifiers.words import Words
from sonde.receivers.prometheus.http_config import TlsConfig

_LONGEST_ADDITION: Final = 10_000
_BODY: Final = re.compile(r"<body(?:[^>\"']|\"[^\"]*\"|'[^']*')*>", re.IGNORECASE)
_SUBJECT: Final = '{{ template "email.default.subject" . }}'
_IMPLICIT_TLS_PORT: Final = "465"


class EmailNotifier:
    """``email_configs``. Errors of the mail server are tried again, as Alertmanager does."""

    def __init__(self, config: EmailConfig, means: Means) -> None:
        self.config = config
        self.means = means

    async def notify(self, batch: Batch) -> Result:
        """Send a batch once."""
        try:
            sender, recipients, message, server = await asyncio.to_thread(self._prepared, batch)
        except UserError as error:
            return Result(without(error.message, self._secrets()))
        conversation = Conversation(server)
        try:
            await asyncio.to_thread(conversation.hand_over, sender, recipients, message)
        except SmtpError as error:
            return Result(without(error.message, self._secrets()), retry=True)
        except UserError as error:  # a file of a password
            return Result(error.message, retry=True)
        except asyncio.CancelledError:
            conversation.abort()
            raise
        return Result()

    def _prepared(self, batch: Batch) -> tuple[str, list[str], bytes, MailServer]:
        words = self.means.words(batch)
        senders = _addresses(words.text(self.config.from_), "from")
        if len(senders) != 1:
            raise UserError(f"must be exactly one 'from' address (got: {len(senders)})", code="notify.email")
        recipients = _addresses(words.text(self.config.to), "to")
        try:
            message = self._message(batch, words).as_bytes(policy=SMTP)
        except (ValueError, LookupError) as error:
            raise UserError(f"the message cannot be written: {error}", code="notify.email") from None
        return senders[0], recipients, message, self._server()

    def _server(self) -> MailServer:
        config = self.config
        host, _, port = config.smarthost.rpartition(":")
        host = host.strip("[]")
        tls = config.tls_config or TlsConfig()
        is_implicit = port == _IMPLICIT_TLS_PORT if config.force_implicit_tls is None else config.force_implicit_tls
        if not port.isdigit():
            raise UserError(f"address {config.smarthost}: the port is no number", code="notify.email")
        return MailServer(
            host=host,
            port=int(port),
            hello=config.hello,
            tls=self.means.clients.tls.context(tls),
            server_name=tls.server_name,
            is_implicit_tls=is_implicit,
            require_tls=config.require_tls is not False,
            username=config.auth_username,
            identity=config.auth_identity,
            password=lambda: revealed(config.auth_password, config.auth_password_file, "auth_password_file"),
            secret=lambda: revealed(config.auth_secret, None, "auth_secret"),
        )

    def _message(self, batch: Batch, words: Words) -> EmailMessage:
        config = self.config
        message = EmailMessage(policy=SMTP)
        headers = {"Subject": _SUBJECT, "To": config.to, "From": config.from_, **config.headers}
        for name, template in headers.items():
            message[name] = " ".join(words.text(template).split())
        moment = words.now.moment()
        if "Message-Id" not in message:
            message["Message-Id"] = _message_id(batch, str(message["From"]), str(batch.at))
        if config.threading.enabled:
            day = "" if config.threading.thread_by_date == "none" else f"{moment:%Y-%m-%d}"
            root = f"<alert-{batch.key_hash[:16]}-{day}@alertmanager>"
            message["References"] = root
            message["In-Reply-To"] = root
        if "Date" not in message:
            message["Date"] = format_datetime(moment)
        self._fill(message, batch, words)
        return message

    def _fill(self, message: EmailMessage, batch: Batch, words: Words) -> None:
        """The parts: text, HTML, or both; the graph belongs to the HTML, and is attached where there is none."""
        config, context = self.config, batch.context
        picture, name = context.graph_png, _message_id(batch, str(message["From"]), "graph")
        if config.text:
            below = addition(context, PLAIN, _LONGEST_ADDITION, links=links_of(context))
            message.set_content(joined(words.text(config.text), below), cte="quoted-printable")
        if config.html:
            html = with_context(words.html(config.html), context, name if picture else "")
            shown: MIMEPart = message
            if config.text:
                message.add_alternative(html, subtype="html", cte="quoted-printable")
                *_, shown = message.iter_parts()
            else:
                message.set_content(html, subtype="html", cte="quoted-printable")
            if picture:
                shown.add_related(picture, "image", "png", cid=name, disposition="inline", filename=IMAGE_NAME)
        elif config.text and picture:
            message.add_attachment(picture, "image", "png", filename=IMAGE_NAME)

    def _secrets(self) -> Iterator[str]:
        """As they stand in the configuration, and as they went over the wire."""
        config = self.config
        for secret in (config.auth_password, config.auth_secret):
            if secret:
                yield secret.get_secret_value()
        try:
            password = revealed(config.auth_password, config.auth_password_file, "auth_password_file")
        except UserError:
            return
        for said in (password, f"{config.auth_identity}\0{config.auth_username}\0{password}"):
            yield said
            yield base64.b64encode(said.encode()).decode()


def with_context(html: str, context: MessageContext, picture: str) -> str:
    """A page with links at its top, and changes and the picture of this Content-ID at its bottom.

    >>> context = MessageContext(acknowledge_url="https://s.org/a?b&c", changes=("release <2>",))
    >>> print(with_context("<body><p>Down</p></body>", context, "<1@s.org>"))
    <body>
    <p style="padding: 0 0 8px;"><a href="https://s.org/a?b&amp;c">Acknowledge</a></p>
    <p>Down</p>
    <p><b>What changed</b><br>
    • release &lt;2&gt;</p>
    <p><img src="cid:1@s.org" alt="The expression over the last hour" style="max-width: 100%;"></p>
    </body>
    """
    links = " &middot; ".join(HTML.link(link) for link in links_of(context))
    changes = addition(context, HTML_LINES, _LONGEST_ADDITION, links=())
    above = f'\n<p style="padding: 0 0 8px;">{links}</p>\n' if links else ""
    below = f"\n<p>{changes}</p>" if changes else ""
    if picture:
        source = escape(picture.strip("<>"))
        below += f'\n<p><img src="cid:{source}" alt="{IMAGE_TITLE}" style="max-width: 100%;"></p>'
    opening = _BODY.search(html)
    start = opening.end() if opening else 0
    end = html.rfind("</body>")
    end = end if end >= start else len(html)
    return f"{html[:start]}{above}{html[start:end].rstrip() if below else html[start:end]}{below}" + (
        f"\n{html[end:]}" if below else html[end:]
    )


def _message_id(batch: Batch, sender: str, what: str) -> str:
    """The same for all attempts of a batch, so that a mail that arrives twice is seen as one."""
    of = f"{batch.integration}\n{batch.group_key}\n{batch.at}".encode("utf-8", "surrogateescape")
    domain = sender.rpartition("@")[2].strip(" >") or "localhost"
    return f"<{what}.{hashlib.sha256(of).hexdigest()[:16]}@{domain}>"


def _addresses(text: str, what: str) -> list[str]:
    """The plain addresses of a list such as ``Ops <ops@example.org>, b@example.org``."""
    found = [address for _, address in getaddresses([text])]
    for address in found:
        try:
            local, at, domain = address.rpartition("@")
            Address(username=local, domain=domain)
        except (ValueError, IndexError):
            at = ""
        if not at or not local or not domain or not address.isprintable() or " " in address:
            raise UserError(f"parse '{what}' addresses: {text!r} is not a list of addresses", code="notify.email")
    return found
