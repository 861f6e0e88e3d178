"""Servers on loopback that keep what they are sent: one of HTTP, one of SMTP."""

import asyncio
import base64
import contextlib
import hmac
import json
import ssl
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from urllib.parse import parse_qsl


@dataclass
class Sent:
    """One request."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def form(self):
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


def reply(status=200, body="", *, content_type="text/plain", **headers):
    """A whole answer; ``retry_after="2"`` is a header."""
    lines = {"content-type": content_type, "content-length": str(len(body.encode()))}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Status\r\n{head}\r\n{body}".encode()


class Web:
    """Answers every request with ``answer``, which may be a function of the request; None: never."""

    def __init__(self, answer):
        self.answer = answer
        self.sent: list[Sent] = []
        self.connections = 0
        self._serving = {}

    async def _serve(self, reader, writer):
        self.connections += 1
        self._serving[asyncio.current_task()] = writer
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                method, target, _ = first.split(" ")
                self.sent.append(Sent(method, target, headers, body))
                answer = self.answer(self.sent[-1]) if callable(self.answer) else self.answer
                if answer is None:
                    await reader.read()
                    return
                writer.write(answer)
                await writer.drain()

    async def end(self):
        """End all conversations, and wait until nothing of them is left."""
        for writer in self._serving.values():
            writer.transport.abort()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await asyncio.sleep(0)  # transports close on the loop's next turn


@contextlib.asynccontextmanager
async def web(answer=b"", *, tls=None):
    one = Web(answer or reply())
    server = await asyncio.start_server(one._serve, "127.0.0.1", 0, ssl=tls)
    one.base = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield one
    finally:
        server.close()
        await one.end()


@dataclass
class Mail:
    """A message that was handed over."""

    sender: str
    recipients: list[str]
    raw: bytes
    login: str
    encrypted: bool

    @property
    def message(self):
        return message_from_bytes(self.raw, policy=policy.default)


@dataclass
class Post:
    """A mail server. ``refusals`` says what it answers to a command instead; ``None`` to be silent."""

    mechanisms: str = ""
    tls: ssl.SSLContext | None = None
    refusals: dict[str, str | None] = field(default_factory=dict)
    secret: str = ""
    mails: list[Mail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    silent: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a command came to which nothing is answered."""

    async def _serve(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await _Session(self, reader, writer).talk()
        writer.close()


class _Session:
    """One connection of a mail server: a method a command."""

    def __init__(self, server, reader, writer):
        self.server, self.reader, self.writer = server, reader, writer
        self.sender, self.recipients, self.login = "", [], ""
        self.encrypted = writer.get_extra_info("ssl_object") is not None

    async def talk(self):
        self.writer.write(b"220 post.test ESMTP\r\n")
        while line := (await self.reader.readline()).decode().rstrip("\r\n"):
            command, _, rest = line.partition(" ")
            self.server.commands.append(line)
            if command.upper() in self.server.refusals:
                answer = self.server.refusals[command.upper()]
                if answer is None:
                    self.server.silent.set()
                    await self.reader.read()
                    return
            else:
                answer = await getattr(self, command.lower(), self.noop)(rest)
            self.writer.write("".join(f"{each}\r\n" for each in answer.split("\n")).encode())
            if command.upper() == "QUIT":
                return

    async def noop(self, _):
        return "250 ok"

    async def quit(self, _):
        return "221 bye"

    async def ehlo(self, _):
        offers = ["post.test", *(["STARTTLS"] if self.server.tls and not self.encrypted else [])]
        offers += [f"AUTH {self.server.mechanisms}"] if self.server.mechanisms else []
        return "\n".join(f"250{'-' if n < len(offers) - 1 else ' '}{offer}" for n, offer in enumerate(offers))

    async def starttls(self, _):
        self.writer.write(b"220 go\r\n")
        await self.writer.drain()
        await self.writer.start_tls(self.server.tls)
        self.encrypted = True
        # The greeting of SMTP is not said again; the next command is answered.
        line = (await self.reader.readline()).decode()
        self.server.commands.append(line.rstrip("\r\n"))
        return await self.ehlo(line)

    async def auth(self, said):
        match said.split(" "):
            case ["PLAIN", given]:
                self.login = base64.b64decode(given).decode().replace("\0", "|")
            case ["LOGIN"]:
                user = await self._ask("334 VXNlcm5hbWU6")
                self.login = f"{user}|{await self._ask('334 UGFzc3dvcmQ6')}"
            case ["CRAM-MD5"]:
                challenge = base64.b64encode(b"<1@post>").decode()
                user, digest = (await self._ask(f"334 {challenge}")).split(" ")
                good = hmac.new(self.server.secret.encode(), b"<1@post>", "md5").hexdigest() == digest
                self.login = user if good else "wrong"
        return "235 welcome"

    async def mail(self, said):
        self.sender = said.partition("<")[2].partition(">")[0]
        return "250 ok"

    async def rcpt(self, said):
        self.recipients.append(said.partition("<")[2].partition(">")[0])
        return "250 ok"

    async def data(self, _):
        self.writer.write(b"354 go\r\n")
        raw = (await self.reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n.")
        self.server.mails.append(Mail(self.sender, self.recipients, raw, self.login, self.encrypted))
        return "250 taken"

    async def _ask(self, text):
        self.writer.write(f"{text}\r\n".encode())
        await self.writer.drain()
        return base64.b64decode(await self.reader.readline()).decode()


@contextlib.asynccontextmanager
async def post(*, implicit_tls=None, **options):
    one = Post(**options)
    server = await asyncio.start_server(one._serve, "127.0.0.1", 0, ssl=implicit_tls, limit=2**22)
    one.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield one
    finally:
        server.close()
