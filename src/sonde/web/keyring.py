"""The API keys in memory: who a secret belongs to, answered on the event loop without touching the database.

Reloaded every few seconds and after every change made here, so a key revoked on another node closes within that time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from sonde.state.api_keys import EVERY_TENANT, ApiKey, keys_by_hash, touch_keys
from sonde.state.secret import hash_secret
from sonde.telemetry.tenancy import Role

RELOAD_SECONDS: Final = 5.0
_log = logging.getLogger(__name__)


class Keyring:
    """All keys that are not revoked; and the one of the configuration, which is administrator of all tenants."""

    def __init__(self, state: sa.Engine, *, now: Callable[[], float], configured: str | None = None) -> None:
        self._state = state
        self._now = now
        self._configured: dict[str, ApiKey] = {}
        if configured is not None:
            digest = hash_secret(configured)
            # The id follows the secret, so that sessions end when the configuration gets another key.
            key = ApiKey(f"configured-{digest[:16]}", "configured", EVERY_TENANT, Role.ADMIN, 0.0, None, None, None)
            self._configured[digest] = key
        self._by_hash: dict[str, ApiKey] = {}
        self._used: dict[str, float] = {}
        self.reload()

    def reload(self) -> None:
        """Read the keys again and note which were used. Blocks."""
        used, self._used = self._used, {}
        touch_keys(self._state, used)
        self._by_hash = {**keys_by_hash(self._state), **self._configured}

    async def keep_fresh(self) -> None:
        """Reload for ever; the application runs this beside its requests."""
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            try:
                await asyncio.to_thread(self.reload)
            except sa.exc.SQLAlchemyError:
                # The keys of before stay good; the next turn tries again.
                _log.exception("API keys could not be reloaded")

    def find(self, secret: str) -> ApiKey | None:
        """The valid key of a secret. The look-up is by hash: how long it takes tells nothing about the secret."""
        key = self._by_hash.get(hash_secret(secret))
        if key is None or not key.is_valid(at=self._now()):
            return None
        self._used[key.id] = self._now()
        return key

    def by_id(self, key_id: str) -> ApiKey | None:
        """The valid key of an id."""
        now = self._now()
        return next((key for key in self._by_hash.values() if key.id == key_id and key.is_valid(at=now)), None)

    @property
    def is_empty(self) -> bool:
        """Whether no valid key exists."""
        now = self._now()
        return not any(key.is_valid(at=now) for key in self._by_hash.values())
