"""A server on loopback or on a Unix socket that answers exactly what a test says, byte by byte, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl: apt-get install openssl")


class Asked:
    """One request."""

    def __init__(self, head, connection):
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        self.method, self.target, self.version = first.split(" ")
        self.lines = [tuple(line.split(": ", 1)) for line in lines]
        self.headers = {name.lower(): value for name, value in self.lines}
        self.connection = connection
        """The number of the connection that it came on."""


class WireServer:
    """``answer`` is asked for each request; it gives bytes to send (or parts of them), or None to wait for ever.

    The connection is closed behind an answer that says so in its head, and behind ``HANG_UP``.
    """

    HANG_UP = b""

    def __init__(self, answer):
        self.answer = answer
        self.asked: list[Asked] = []
        self.connections = 0
        self._writers, self._tasks = [], []

    async def start(self, *, tls=None, unix_socket=None):
        if unix_socket:
            self._server = await asyncio.start_unix_server(self._serve, str(unix_socket))
            self.base, self.port = "http://socket", None
        else:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
            self.port = self._server.sockets[0].getsockname()[1]
            self.base = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        return self

    async def stop(self):
        self._server.close()
        self.hang_up()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hang_up(self):
        """Close all connections."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader, writer):
        self.connections += 1
        number = self.connections
        self._writers.append(writer)
        self._tasks.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                asked = Asked(await reader.readuntil(b"\r\n\r\n"), number)
                self.asked.append(asked)
                if asked.method == "CONNECT":
                    await self._tunnel(asked, reader, writer)
                    return
                sent = self.answer(asked)
                if sent is None:
                    await reader.read()
                    return
                for part in sent if isinstance(sent, list) else [sent]:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0)
                if sent == self.HANG_UP or b"connection: close" in sent:
                    break
        writer.close()

    async def _tunnel(self, asked, reader, writer):
        refusal = self.answer(asked)
        if refusal:
            writer.write(refusal)
            await writer.drain()
            writer.close()
            return
        host, _, port = asked.target.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        self._writers.append(far_writer)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pump(source, target):
            with contextlib.suppress(ConnectionError):
                while data := await source.read(65536):
                    target.write(data)
            target.close()

        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))


@contextlib.asynccontextmanager
async def serving(answer, **options):
    """A server, running."""
    server = await WireServer(answer).start(**options)
    try:
        yield server
    finally:
        await server.stop()


def ok(body=b"up 1\n", *, content_type="text/plain; version=0.0.4", more=""):
    """A whole answer with status 200."""
    return answered("200 OK", body, f"content-type: {content_type}\r\n{more}")


def answered(status, body=b"", more=""):
    """A whole answer."""
    return f"HTTP/1.1 {status}\r\n{more}content-length: {len(body)}\r\n\r\n".encode() + body


def in_json(value, *, content_type="application/json"):
    """A whole answer in JSON."""
    return ok(json.dumps(value).encode(), content_type=content_type)


class Certificates:
    """A certificate authority for one test, and what it has signed."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.ca = directory / "ca.pem"
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=test authority", "-keyout", directory / "ca.key", "-out", self.ca,
        )  # fmt: skip

    def sign(self, name, *, subject_names):
        """A certificate and its key, as files."""
        key, request, cert = (self.directory / f"{name}.{ending}" for ending in ("key", "csr", "pem"))
        extensions = self.directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={subject_names}\n")
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", f"/CN={name}", "-keyout", key, "-out", request,
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.directory / "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", extensions, "-out", cert,
        )  # fmt: skip
        return cert, key

    def server_context(self, cert, key, *, ask_for_client=False):
        """What a server speaks TLS with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        if ask_for_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca)
        return context

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=self.directory)
