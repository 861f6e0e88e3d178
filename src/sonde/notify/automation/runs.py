"""Decides which responses run: alerts that fire and the time in, runs out. Nothing here starts or calls anything.

``advance`` returns what is to be done now, noted durably as begun; ``settle`` is told how it went. A run that a process
began and did not settle is in doubt after its end: it may have happened, so it is never begun again.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import sqlalchemy as sa

from sonde.notify.alert import Alert, fingerprint_text
from sonde.notify.ledger import Ledger
from sonde.notify.matchers import all_match
from sonde.notify.pipeline import Pipeline
from sonde.notify.response.automation import Response
from sonde.telemetry.labels import Labels

_SECOND: Final = 10**9
_LOOK_EVERY: Final = 5 * _SECOND
_FORGET: Final = 7 * 86_400 * _SECOND
_MAINTENANCE: Final = 600 * _SECOND
_SINCE: Final = "since/"

BEGUN: Final = "begun"
OK: Final = "ok"
FAILED: Final = "failed"
TIMED_OUT: Final = "timed out"
REFUSED: Final = "refused"
LIMITED: Final = "limited"
STOPPED: Final = "stopped"
IN_DOUBT: Final = "in doubt"


@dataclass(frozen=True, slots=True)
class Run:
    """One response to one firing of one alert. Times are Unix nanoseconds."""

    id: str
    response: str
    fingerprint: int
    starts_at: int
    """Since when the alert fires."""
    labels: Labels
    begun_at: int
    outcome: str = BEGUN
    """``begun``, ``ok``, ``failed``, ``timed out``, ``refused``, ``limited``, ``stopped``, ``in doubt``."""
    ended_at: int = 0
    detail: str = ""
    """What happened, in one line and without secrets: an exit status, an answer, a refusal."""
    output: str = ""
    """The last of what the command wrote."""

    @property
    def key(self) -> str:
        """What it is kept under."""
        return f"{self.response}/{fingerprint_text(self.fingerprint)}/{self.starts_at}"

    @property
    def alert(self) -> str:
        """The alert, as the audit log names it."""
        name = next((value for name, value in self.labels if name == "alertname"), "")
        return f"{name or 'alert'} {fingerprint_text(self.fingerprint)}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run went."""

    outcome: str
    detail: str
    output: str = ""


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that fires. ``is_told``: neither silenced nor inhibited; nothing is done about one that is."""

    alert: Alert
    is_told: bool = True


@dataclass(frozen=True, slots=True)
class Due:
    """A run that is to be done now."""

    run: Run
    response: Response
    alert: Alert


Audit = Callable[[str, str, str, int], None]
"""Keeps an entry of the audit log: actor, action, subject, and the time. Durable when it returns."""


def firing(pipeline: Pipeline, now: int, wanted: Callable[[Alert], bool]) -> list[Firing]:
    """The alerts of a pipeline that fire and that anybody wants to know of."""
    return [
        Firing(alert, pipeline.status_of(alert, now).state == "active")
        for alert in pipeline.alerts(now)
        if not alert.resolved_at(now) and wanted(alert)
    ]


class Runs:
    """Each response, once for each firing.

    Args:
        responses: Of the response file.
        ledger: Runs of earlier processes; those that are in doubt are noted so.
        audit: Where each run is noted before it begins and after it has ended.
        now: The time at which it begins. A response answers to alerts that begin after it was first configured.
        new_id: Makes ids of runs.
    """

    def __init__(
        self,
        responses: Iterable[Response],
        ledger: Ledger,
        audit: Audit,
        now: int,
        *,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._ledger = ledger
        self._audit = audit
        self._new_id = new_id
        self._next_at = now
        self._maintain_at = now + _MAINTENANCE
        self._runs: dict[str, Run] = {}
        self._latest: dict[tuple[str, int], Run] = {}
        self._since: dict[str, int] = {}
        self._open: set[str] = set()
        for key, document in ledger.load().items():
            if key.startswith(_SINCE):
                self._since[key.removeprefix(_SINCE)] = document["at"]
            else:
                self._remember(_run(document))
        for run in list(self._runs.values()):
            if run.outcome == BEGUN:
                self._end(replace(run, outcome=IN_DOUBT, ended_at=now, detail="Sonde ended while it ran"), now)
        self.reload(responses, now)

    def reload(self, responses: Iterable[Response], now: int) -> None:
        """Go on with other responses."""
        self.responses = {response.name: response for response in responses}
        fresh = [name for name in self.responses if name not in self._since]
        gone = [name for name in self._since if name not in self.responses]
        self._ledger.change(
            {**{_SINCE + name: {"at": now} for name in fresh}, **{_SINCE + name: None for name in gone}}
        )
        self._since |= dict.fromkeys(fresh, now)
        for name in gone:
            del self._since[name]
        self._matching = functools.lru_cache(maxsize=1 << 16)(self._find)
        self._next_at = now

    def wants(self, alert: Alert) -> bool:
        """Whether any response answers to an alert."""
        return bool(self._matching(alert.labels))

    def next_at(self) -> int:
        """When to look again; earlier is allowed."""
        return self._next_at

    def advance(self, alerts: Iterable[Firing], now: int) -> list[Due]:
        """Look at what fires; returns the runs to begin now. Each is durably noted as begun.

        When the state cannot be written to, those that were noted are returned; the others come with the next look.
        """
        self._next_at = now + _LOOK_EVERY
        present: set[tuple[str, int]] = set()
        due: list[Due] = []
        for each in alerts:
            alert = each.alert
            for name in self._matching(alert.labels):
                present.add((name, alert.fingerprint))
                if not each.is_told or not self._is_new(name, alert):
                    continue
                try:
                    run = self._begin(name, alert, now)
                except sa.exc.SQLAlchemyError:
                    if not due:
                        raise
                    return due
                if run is not None:
                    due.append(Due(run, self.responses[name], alert))
        if now >= self._maintain_at:
            self._maintain(present, now)
        return due

    def settle(self, run: Run, outcome: Outcome, now: int) -> None:
        """A run is over."""
        self._open.discard(run.key)
        ended = replace(
            run, outcome=outcome.outcome, detail=outcome.detail, output=outcome.output, ended_at=max(now, run.begun_at)
        )
        self._end(ended, now)

    def remembered(self) -> list[Run]:
        """The runs that are remembered, newest first."""
        return sorted(self._runs.values(), key=lambda run: (-run.begun_at, run.key))

    def _find(self, labels: Labels) -> tuple[str, ...]:
        known = dict(labels)
        return tuple(name for name, each in self.responses.items() if all_match(each.matchers, known))

    def _is_new(self, name: str, alert: Alert) -> bool:
        """Posts of a firing that goes on may say that it began earlier, never later."""
        known = self._latest.get((name, alert.fingerprint))
        return alert.starts_at >= self._since[name] if known is None else alert.starts_at > known.starts_at

    def _begin(self, name: str, alert: Alert, now: int) -> Run | None:
        run = Run(self._new_id(), name, alert.fingerprint, alert.starts_at, alert.labels, now)
        bound = self.responses[name].at_most
        recent = sum(
            each.response == name and each.outcome != LIMITED and each.begun_at > now - bound.window
            for each in self._runs.values()
        )
        if recent >= bound.runs:
            limited = replace(run, outcome=LIMITED, ended_at=now, detail=f"it has run {recent} times in its window")
            self._end(limited, now)
            return None
        # In this order: what the state does not know has not happened, whatever the log says.
        self._audit(_actor(run), "response.begin", f"{run.alert}: run {run.id}: {self.responses[name].what}", now)
        self._keep(run)
        self._open.add(run.key)
        return run

    def _end(self, run: Run, now: int) -> None:
        self._keep(run)
        took = f" after {(run.ended_at - run.begun_at) / _SECOND:.3f} s" if run.ended_at > run.begun_at else ""
        said = f": {run.detail}" if run.detail else ""
        self._audit(_actor(run), "response.end", f"{run.alert}: run {run.id} {run.outcome}{took}{said}", now)

    def _keep(self, run: Run) -> None:
        self._ledger.change({run.key: asdict(run)})
        self._remember(run)

    def _remember(self, run: Run) -> None:
        self._runs[run.key] = run
        place = (run.response, run.fingerprint)
        if place not in self._latest or self._latest[place].starts_at <= run.starts_at:
            self._latest[place] = run

    def _maintain(self, present: set[tuple[str, int]], now: int) -> None:
        """Forget runs that are long over, but never the last one of an alert that still fires."""
        self._maintain_at = now + _MAINTENANCE
        windows = {name: response.at_most.window for name, response in self.responses.items()}
        firing_now = {self._latest[place].key for place in present if place in self._latest}
        gone = [
            run
            for run in self._runs.values()
            if run.begun_at + max(_FORGET, windows.get(run.response, 0)) <= now
            and run.key not in self._open
            and run.key not in firing_now
        ]
        if not gone:
            return
        self._ledger.change(dict.fromkeys(run.key for run in gone))
        for run in gone:
            del self._runs[run.key]
            place = (run.response, run.fingerprint)
            if self._latest[place].key == run.key:
                del self._latest[place]


def _actor(run: Run) -> str:
    return f"response {run.response}"


def _run(document: Mapping[str, Any]) -> Run:
    return Run(**{**document, "labels": tuple((name, value) for name, value in document["labels"])})
