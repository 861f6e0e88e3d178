"""When a notification that failed is tried again: soon, then later and later, until the group's next turn."""

from __future__ import annotations

from typing import Final

FIRST_WAIT: Final = 500 * 10**6
LONGEST_WAIT: Final = 60 * 10**9
MIN_TIMEOUT: Final = 10 * 10**9
"""How long a notification may take at least, however short the group's interval is."""


def wait_after(attempt: int, jitter: float) -> int:
    """How long after the start of an attempt the next one starts; ``jitter`` is from 0 to 1, and 0.5 adds nothing.

    >>> [wait_after(attempt, 0.5) / 10**9 for attempt in (1, 2, 3, 20)]
    [0.5, 0.75, 1.125, 60.0]
    >>> wait_after(1, 0.0) / 10**9, wait_after(1, 1.0) / 10**9
    (0.25, 0.75)
    """
    wait = min(FIRST_WAIT * 1.5 ** min(attempt - 1, 100), LONGEST_WAIT)
    return int(wait * (0.5 + jitter))
