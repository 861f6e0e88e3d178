"""Tokens by OAuth 2.0's client credentials, kept until shortly before they end.

Specification: RFC 6749, section 4.4
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import quote, urlencode

from sonde.errors import UserError
from sonde.notify.configuration.http_config import OAuth2
from sonde.notify.notifiers.answer import Answer, one_line
from sonde.notify.notifiers.secret import revealed, without

_SECOND: Final = 10**9
_EARLY: Final = 10 * _SECOND
_FORM: Final = "application/x-www-form-urlencoded"
Post = Callable[[str, bytes, Mapping[str, str]], Awaitable[Answer]]


class Tokens:
    """The tokens of one configuration."""

    def __init__(self, config: OAuth2, now: Callable[[], int]) -> None:
        self._config = config
        self._now = now
        self._token = ""
        self._ends_at = 0
        self._of_secret = ""
        self._lock = asyncio.Lock()

    async def token(self, post: Post) -> str:
        """A token that holds, asked for with ``post`` if there is none.

        Raises:
            UserError: The identity provider refuses.
        """
        async with self._lock:
            secret = revealed(self._config.client_secret, self._config.client_secret_file, "client_secret_file")
            if not self._token or secret != self._of_secret or 0 < self._ends_at <= self._now() + _EARLY:
                await self._fetch(post, secret)
            return self._token

    async def _fetch(self, post: Post, secret: str) -> None:
        client = self._config.client_id
        form = {"grant_type": "client_credentials", **self._config.endpoint_params}
        if self._config.scopes:
            form["scope"] = " ".join(self._config.scopes)
        pair = f"{quote(client, safe='')}:{quote(secret, safe='')}".encode()
        headers = {"content-type": _FORM, "authorization": f"Basic {base64.b64encode(pair).decode()}"}
        answer = await post(self._config.token_url, urlencode(form).encode(), headers)
        if answer.status // 100 == 4:  # who does not take them in a header takes them in the form
            form |= {"client_id": client, "client_secret": secret}
            answer = await post(self._config.token_url, urlencode(form).encode(), {"content-type": _FORM})
        found = answer.json()
        token = found.get("access_token") if isinstance(found, dict) else None
        if answer.status // 100 != 2 or not isinstance(token, str) or not token:
            said = one_line(without(answer.text, (secret,)))
            raise UserError(f"oauth2: cannot fetch token: {answer.status}: {said}", code="notify.oauth2")
        seconds = found.get("expires_in")
        self._token, self._of_secret = token, secret
        self._ends_at = self._now() + int(float(seconds) * _SECOND) if seconds else 0
