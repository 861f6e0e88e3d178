"""HTTP to a running Sonde, for the commands that ask it something. Standard library only.

The store belongs to one process, so the command line never opens it: it asks the server, like everybody else.
"""

from __future__ import annotations

import ipaddress
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from sonde.errors import UserError
from sonde.telemetry.tenancy import TENANT_HEADER

API = "/api/v1"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to wherever it points; it is reported instead."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a body was not, or not wholly, taken; and how many samples of it are stored all the same."""

    status: int
    message: str
    hint: str
    retry_after_seconds: float
    samples_written: int


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a Sonde is, and who is asking."""

    url: str
    key: str = ""
    tenant: str = ""
    api: str = API

    def get(self, path: str, parameters: Mapping[str, object] | None = None, *, timeout_seconds: float = 30) -> Any:
        """The JSON answer to a GET."""
        with self._open(self._request(path, parameters), timeout_seconds) as response:
            return json.load(response)

    def post(self, path: str, body: Mapping[str, object], *, timeout_seconds: float = 300) -> Any:
        """The JSON answer to a POST of JSON."""
        request = self._request(path)
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
        with self._open(request, timeout_seconds) as response:
            return json.load(response)

    def post_form(self, path: str, fields: Mapping[str, str], *, timeout_seconds: float = 300) -> Any:
        """The JSON answer to a POST of a form."""
        request = self._request(path)
        request.data = urllib.parse.urlencode(fields).encode()
        request.add_header("Content-Type", "application/x-www-form-urlencoded")
        with self._open(request, timeout_seconds) as response:
            return json.load(response)

    def post_body(
        self, path: str, body: bytes, headers: Mapping[str, str], *, timeout_seconds: float = 300
    ) -> Refusal | None:
        """POST bytes of another protocol, to which the server answers in text; None when it has taken them."""
        request = self._request(path)
        request.data = body
        for name, value in headers.items():
            request.add_header(name, value)
        try:
            with self._opened(request, timeout_seconds):
                return None
        except urllib.error.HTTPError as error:
            with error:
                return _refusal(error)

    def events(self, path: str, parameters: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """The (event, data) pairs of a ``text/event-stream``, for as long as the server sends; heartbeats are skipped.

        Specification: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
        """
        request = self._request(path, parameters)
        request.add_header("Accept", "text/event-stream")
        with self._open(request, timeout_seconds=90) as response:
            try:
                yield from parse_events(line.decode("utf-8", "replace").rstrip("\r\n") for line in response)
            except (TimeoutError, HTTPException, ConnectionError) as error:
                raise self._unreachable("the connection broke", error) from error

    def _request(self, path: str, parameters: Mapping[str, object] | None = None) -> urllib.request.Request:
        if not self.url.startswith(("http://", "https://")):
            raise UserError(
                f"{self.url!r} is not an address of a server", code="cli.bad_url", hint="like http://127.0.0.1:3000"
            )
        query = "?" + urllib.parse.urlencode(parameters, doseq=True) if parameters else ""
        request = urllib.request.Request(self.url.rstrip("/") + self.api + path + query)  # noqa: S310 -- checked above
        if self.key:
            request.add_header("Authorization", f"Bearer {self.key}")
        if self.tenant:
            request.add_header(TENANT_HEADER, self.tenant)
        return request

    def _open(self, request: urllib.request.Request, timeout_seconds: float) -> Any:
        try:
            return self._opened(request, timeout_seconds)
        except urllib.error.HTTPError as error:
            with error:
                raise _refused(error) from None

    def _opened(self, request: urllib.request.Request, timeout_seconds: float) -> Any:
        handlers: list[urllib.request.BaseHandler] = [_NoRedirects()]
        if _is_loopback(request.host):
            handlers.append(urllib.request.ProxyHandler({}))
        try:
            return urllib.request.build_opener(*handlers).open(request, timeout=timeout_seconds)
        except urllib.error.HTTPError:
            raise
        except (urllib.error.URLError, TimeoutError, HTTPException, ConnectionError) as error:
            raise self._unreachable("no Sonde answers", getattr(error, "reason", error)) from error

    def _unreachable(self, what: str, why: object) -> UserError:
        return UserError(
            f"{what} at {self.url}: {why}",
            code="cli.no_server",
            hint="start one with `sonde serve`, or name a running one with --server URL or SONDE_URL",
        )


def parse_events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    r"""Read an event stream.

    >>> list(parse_events(iter([": heartbeat", "", "event: record", "data: {}", "", "data: a", "data: b", ""])))
    [('record', '{}'), ('message', 'a\nb')]
    """
    event = ""
    data: list[str] = []
    for line in lines:
        field, _, value = line.partition(":")
        if not line:
            if data:
                yield event or "message", "\n".join(data)
            event, data = "", []
        elif field == "event":
            event = value.removeprefix(" ")
        elif field == "data":
            data.append(value.removeprefix(" "))


def _refused(error: urllib.error.HTTPError) -> UserError:
    """The server's own error, or what can be said of an answer that is none of ours."""
    body = error.read(1 << 16)
    try:
        answer = json.loads(body)
        details = answer["error"]
        if isinstance(details, str):  # as Prometheus says it
            return UserError(details, code=f"prometheus.{answer['errorType']}", hint=_HINTS.get(error.code, ""))
        position = details.get("position")
        return UserError(
            str(details["message"]),
            code=str(details["code"]),
            hint=str(details.get("hint") or _HINTS.get(error.code, "")),
            position=(int(position[0]), int(position[1])) if isinstance(position, list) else None,
        )
    except (ValueError, KeyError, TypeError, IndexError):
        return UserError(
            f"{error.url} answered {error.code} {error.reason}, and not as Sonde does",
            code="cli.not_sonde",
            hint=f"it points to {error.headers['Location']}"
            if error.headers["Location"]
            else "is it the right --server?",
        )


def _refusal(error: urllib.error.HTTPError) -> Refusal:
    message = error.read(1 << 16).decode(errors="replace").strip() or f"{error.code} {error.reason}"
    retry_after = error.headers.get("Retry-After", "")
    written = error.headers.get("X-Prometheus-Remote-Write-Samples-Written", "")
    return Refusal(
        error.code,
        message,
        _HINTS.get(error.code, ""),
        float(retry_after) if retry_after.isdecimal() else 5.0,
        int(written) if written.isdecimal() else 0,
    )


_HINTS = {401: "give the key of this Sonde with --key or SONDE_API_KEY; `sonde keys create` makes one"}


def _is_loopback(host: str) -> bool:
    name = urllib.parse.urlsplit(f"//{host}").hostname or ""
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
