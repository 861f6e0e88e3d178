"""When a digest is due and to whom it must still go: the time in, sendings out. Nothing here asks, writes or sends.

Once per occasion and integration: what has arrived is noted durably, and an occasion that nobody kept, because nobody
was there, is kept within a day. What was under way when a process ended is sent again and says so, as with alerts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sonde.notify.digest.report import Week
from sonde.notify.ledger import Ledger
from sonde.notify.notifier import Result
from sonde.notify.response.digest import DigestPlan
from sonde.notify.retry import wait_after

_HOUR: Final = 3600 * 10**9
CATCH_UP: Final = 24 * _HOUR
_MARK: Final = "occasion"
_NEVER: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Sending:
    """One attempt to send a digest to one integration."""

    occasion: int
    integration: str
    attempt: int
    in_doubt: bool


class DigestSchedule:
    """The occasions of one plan.

    Args:
        plan: When; None: never.
        integrations: The keys of all to whom it goes.
        ledger: What earlier processes sent.
        now: The time at which it begins. Occasions before its first configuration were none.
    """

    def __init__(self, plan: DigestPlan | None, integrations: Iterable[str], ledger: Ledger, now: int) -> None:
        self._ledger = ledger
        self._occasion = 0
        self._done: set[str] = set()
        self._begun: set[str] = set()
        self._doubtful: set[str] = set()
        self._attempts: dict[str, int] = {}
        self._try_at: dict[str, int] = {}
        self._under_way: set[str] = set()
        self._plan: DigestPlan | None = None
        self._keys: set[str] = set()
        """To whom the present occasion's digest goes."""
        if mark := ledger.load().get(_MARK):
            self._occasion = mark["at"]
            self._keys = set(mark["keys"])
            self._done = set(mark["done"])
            self._doubtful = set(mark["begun"]) - self._done
        self.reload(plan, integrations, now)

    def reload(self, plan: DigestPlan | None, integrations: Iterable[str], now: int) -> None:
        """Go on with another plan. An occasion that only the new one has had is none."""
        is_new = plan is not None and (not self._occasion or plan.at != getattr(self._plan, "at", plan.at))
        self._plan = plan
        self._integrations: Sequence[str] = tuple(dict.fromkeys(integrations))
        if plan is not None and is_new:
            self._begin(plan.at.at_or_before(now), ())

    def next_at(self) -> int | None:
        """When there is something to do next; None: never."""
        if self._plan is None:
            return None
        waiting = [self._try_at.get(key, self._occasion) for key in self._waiting()]
        return min([self._plan.at.after(self._occasion), *waiting])

    def week(self) -> Week:
        """The week of the occasion that is being kept."""
        if self._plan is None:
            raise RuntimeError("without a plan there is no week")
        start = self._plan.at.before(self._occasion)
        return Week(self._plan.at.before(start), start, self._occasion, self._plan.at.zone)

    def advance(self, now: int) -> list[Sending]:
        """The sendings to attempt now; each is noted as begun."""
        if self._plan is None:
            return []
        latest = self._plan.at.at_or_before(now)
        if latest > self._occasion:
            self._begin(latest, self._integrations if now - latest <= CATCH_UP else ())
        if now - self._occasion > CATCH_UP and self._waiting():
            self._done |= set(self._waiting())
            self._keep()
        due = [key for key in self._waiting() if self._try_at.get(key, 0) <= now]
        if due and not set(due) <= self._begun:
            self._begun |= set(due)
            self._keep()
        for key in due:
            self._attempts[key] = self._attempts.get(key, 0) + 1
            self._try_at[key] = _NEVER
            self._under_way.add(key)
        found = [Sending(self._occasion, key, self._attempts[key], key in self._doubtful) for key in due]
        self._doubtful -= set(due)
        return found

    def settle(self, sending: Sending, result: Result, now: int, *, jitter: float = 0.5) -> None:
        """An attempt is over: it has arrived, has failed for ever, or is to be tried again."""
        if sending.occasion != self._occasion:
            return
        key = sending.integration
        self._under_way.discard(key)
        if result.error and result.retry:
            self._try_at[key] = now + max(wait_after(sending.attempt, jitter), result.retry_after)
        else:
            self._done.add(key)
            self._keep()

    def _waiting(self) -> list[str]:
        waiting = self._keys - self._done - self._under_way
        return [key for key in self._integrations if key in waiting]

    def _begin(self, occasion: int, keys: Iterable[str]) -> None:
        self._occasion = occasion
        self._keys, self._done, self._begun, self._doubtful = set(keys), set(), set(), set()
        self._attempts, self._try_at, self._under_way = {}, {}, set()
        self._keep()

    def _keep(self) -> None:
        sets = {"keys": self._keys, "done": self._done, "begun": self._begun}
        mark = {"at": self._occasion, **{name: sorted(each) for name, each in sets.items()}}
        self._ledger.change({_MARK: mark})
