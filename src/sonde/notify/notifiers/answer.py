"""What an answer over HTTP means: arrived, try again, or never; as Alertmanager decides.

2xx has arrived; 5xx and 429 are tried again, but not before the other side wants it (``Retry-After``); all else is
final.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final

from sonde.notify.notifier import Result
from sonde.notify.notifiers.cut import to_characters

TOO_MANY: Final = 429
_SECOND: Final = 10**9
_LONGEST_REST: Final = 3600 * _SECOND
_LONGEST_WORDS: Final = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the body is capped and without our secrets."""

    status: int
    headers: Mapping[str, str]
    """With names in small letters."""
    text: str

    def json(self) -> Any:
        """The body, or None if it is no JSON."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None


def judged(answer: Answer, now: int, *, retried: Collection[int] = (), details: str | None = None) -> Result:
    """What an answer means.

    Args:
        answer: What came back.
        now: The time, for ``Retry-After`` with a date.
        retried: Further statuses after which to try again.
        details: What the service says, if not the whole body.

    >>> judged(Answer(204, {}, ""), 0).delivered
    True
    >>> judged(Answer(400, {}, "no such room"), 0)
    Result(error='unexpected status code 400: no such room', retry=False, retry_after=0, reason='clientError')
    >>> judged(Answer(429, {"retry-after": "2"}, ""), 0)
    Result(error='unexpected status code 429', retry=True, retry_after=2000000000, reason='rateLimited')
    """
    status = answer.status
    if 200 <= status < 300:
        return Result()
    said = one_line(answer.text if details is None else details)
    retry = status // 100 == 5 or status == TOO_MANY or status in retried
    return Result(
        f"unexpected status code {status}" + (f": {said}" if said else ""),
        retry=retry,
        retry_after=rest_of(answer.headers.get("retry-after", ""), now) if retry else 0,
        reason=(
            "rateLimited"
            if status == TOO_MANY
            else "clientError"
            if status // 100 == 4
            else "serverError"
            if status // 100 == 5
            else "other"
        ),
    )


def rest_of(text: str, now: int) -> int:
    """How long ``Retry-After`` wants us to wait, in nanoseconds; never more than an hour.

    >>> rest_of("1.5", 0), rest_of("Thu, 01 Jan 1970 00:01:00 GMT", 50 * 10**9), rest_of("soon", 0)
    (1500000000, 10000000000, 0)
    """
    try:
        wait = int(float(text) * _SECOND)
    except (ValueError, OverflowError):
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return 0
        wait = int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()) * _SECOND - now
    return max(0, min(wait, _LONGEST_REST))


def one_line(text: str) -> str:
    r"""A text from elsewhere as one short line.

    >>> one_line("  no\n such\troom ")
    'no such room'
    """
    return to_characters(" ".join(text.split()), _LONGEST_WORDS)
