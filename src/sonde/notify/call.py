"""Calls a URL of the response file: a response's webhook, a watchdog's ping.

The URL comes from a file and never from an alert, is of http or https, and no redirect is followed: nothing that an
alert or an answer says chooses where we go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sonde.errors import UserError
from sonde.notify.configuration.http_config import NotifierHttpConfig
from sonde.notify.configuration.values import SECRET, checked_url
from sonde.notify.notifiers.answer import judged, one_line
from sonde.notify.notifiers.http_client import HttpClients, NoAnswer, Request
from sonde.notify.notifiers.secret import revealed

_NO_REDIRECTS: Final = NotifierHttpConfig(follow_redirects=False)
_REDIRECT: Final = 3


async def call(
    clients: HttpClients,
    url_file: Path,
    *,
    method: str,
    now: int,
    timeout_seconds: float,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> str:
    """Call a URL once; returns what was answered, in one line.

    Raises:
        CallFailed: It did not arrive, or was not taken; says why without the URL.
    """
    url = await asyncio.to_thread(_url, url_file)
    request = Request(url, body, method=method, headers=headers or {})
    try:
        async with asyncio.timeout(timeout_seconds):
            answer = await clients.client(_NO_REDIRECTS).send(request)
    except TimeoutError:
        raise CallFailed(f"{request.origin} has not answered within {timeout_seconds:g} s", is_late=True) from None
    except NoAnswer as error:
        raise CallFailed(error.message, is_late=error.is_late) from None
    except UserError as error:
        raise CallFailed(error.message) from None
    if answer.status // 100 == _REDIRECT:
        raise CallFailed(f"{request.origin} answered {answer.status}; redirects are not followed")
    if fault := judged(answer, now).error:
        raise CallFailed(f"{request.origin}: {fault}")
    return one_line(f"{request.origin} answered {answer.status} {answer.text}")


class CallFailed(Exception):
    """A URL could not be called. ``is_late``: it may have arrived all the same."""

    def __init__(self, message: str, *, is_late: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.is_late = is_late


def _url(file: Path) -> str:
    try:
        url = revealed(None, file, "url_file")
    except UserError as error:
        raise CallFailed(error.message) from None
    try:
        return checked_url(url)
    except ValueError as error:
        said = str(error).replace(url, SECRET) if url else "it is empty"
        raise CallFailed(f"{file} has no URL: {said}") from None
