"""The one guard at every door between a host's code and ours: contains, counts, and logs the first failure of each
door.

    with guard("sdk.llm_call"):
        span.set_attribute(...)

Never put the host's own code under a guard: its exceptions belong to it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import TracebackType

_log = logging.getLogger("sonde.sdk")
# No lock: a fork may come while another thread holds it. Two failures in the same instant may count as one.
_failures: dict[str, int] = {}


class Guard:
    """Contains any ``Exception`` raised in its block; ``KeyboardInterrupt`` and other exits pass."""

    __slots__ = ("_where",)

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        _failures[self._where] = count = _failures.get(self._where, 0) + 1
        if count == 1:
            _log.error(
                "%s failed; your program goes on, further failures there are only counted", self._where, exc_info=error
            )
        return True


_guards: dict[str, Guard] = {}


def guard(where: str) -> Guard:
    """A guard for the door that is called ``where``, such as ``"sdk.instrument.httpx"``."""
    return _guards.get(where) or _guards.setdefault(where, Guard(where))


def failures() -> Mapping[str, int]:
    """How often each guard has contained a failure since the process started."""
    return dict(_failures)
