"""The notification log: what each receiver was last told of each group, so that nobody is told the same thing twice.

One entry for a group and an integration: which alerts fired and which had ended, by fingerprint. ``is_due`` compares it
with the group as it is now.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Final

RETENTION: Final = 120 * 3600 * 10**9
"""How long an entry is kept at most, as Alertmanager has it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What an integration was told of a group."""

    group_key: str
    integration: str
    """``receiver/kind/index``."""
    at: int
    firing: frozenset[int]
    resolved: frozenset[int]
    expires_at: int

    @property
    def key(self) -> tuple[str, str]:
        """What it is found by."""
        return self.group_key, self.integration


def new_entry(
    group_key: str,
    integration: str,
    firing: Iterable[int],
    resolved: Iterable[int],
    *,
    now: int,
    repeat_interval: int,
    retention: int = RETENTION,
) -> Entry:
    """An entry for a notification that was just sent. It outlives two repeats, so that the second one finds it.

    >>> new_entry("{}:{}", "team/slack/0", [1], [], now=100, repeat_interval=10).expires_at
    120
    """
    lasts = min(retention, 2 * repeat_interval) if repeat_interval > 0 else retention
    return Entry(group_key, integration, now, frozenset(firing), frozenset(resolved), now + lasts)


def is_due(
    entry: Entry | None,
    firing: frozenset[int],
    resolved: frozenset[int],
    *,
    now: int,
    repeat_interval: int,
    send_resolved: bool,
) -> bool:
    """Whether a group as it is now is to be told.

    >>> told = new_entry("", "", [1], [], now=100, repeat_interval=10)
    >>> def due(firing, resolved=(), now=105):
    ...     return is_due(
    ...         told, frozenset(firing), frozenset(resolved), now=now, repeat_interval=10, send_resolved=True
    ...     )
    >>> due([1]), due([1, 2]), due([], [1]), due([1], now=110), due([1], now=111)
    (False, True, True, False, True)
    """
    if entry is None:
        return bool(firing)
    if not firing <= entry.firing:
        return True
    if not firing:
        # All have ended: told even to those who do not want to hear of it, so that the log knows.
        return bool(entry.firing)
    if send_resolved and not resolved <= entry.resolved:
        return True
    return entry.at < now - repeat_interval


class NotificationLog:
    """The newest entry for each group and integration."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries = {entry.key: entry for entry in entries}

    def get(self, group_key: str, integration: str) -> Entry | None:
        """What an integration was last told of a group."""
        return self._entries.get((group_key, integration))

    def put(self, entry: Entry) -> None:
        """Note what was told; an older note never replaces a newer one."""
        known = self._entries.get(entry.key)
        if known is None or known.at <= entry.at:
            self._entries[entry.key] = entry

    def collect(self, now: int, wanted: Container[str] = ()) -> list[tuple[str, str]]:
        """Drop what has expired; returns the keys. Of ``wanted`` groups it is kept: they are not repeated for now."""
        gone = [
            key for key, entry in self._entries.items() if entry.expires_at <= now and entry.group_key not in wanted
        ]
        for key in gone:
            del self._entries[key]
        return gone
