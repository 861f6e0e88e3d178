"""A pipeline in a simulated clock: things happen at seconds, and what people are told is a list with seconds."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from sonde.notify.alert import Alert, PostedAlert, fingerprint_of
from sonde.notify.configuration import parse_configuration
from sonde.notify.group import Delivery
from sonde.notify.notifier import Result
from sonde.notify.pipeline import Pipeline
from sonde.notify.response.plan import parse_plan
from sonde.notify.silence import Silence
from sonde.notify.state import MemoryState, State
from sonde.telemetry.matcher import Matcher

SECOND = 10**9
MINUTE = 60
HOUR = 3600
START = 1_767_261_600 * SECOND  # Thursday, 1 January 2026, 10:00 UTC
DELIVERED = Result()


@dataclass(frozen=True)
class Told:
    """One notification that arrived: when, to whom, what fired and what had ended, by alert name or label ``n``."""

    second: float
    to: str
    firing: str = ""
    resolved: str = ""


def name_of(alert: Alert) -> str:
    labels = dict(alert.labels)
    return labels.get("n") or labels.get("alertname", "?")


def fingerprint(name: str = "Down", **labels: str) -> int:
    return fingerprint_of(tuple(sorted({"alertname": name, **labels}.items())))


@dataclass
class Simulation:
    """Begins at second 0; ``answer`` says how an attempt goes."""

    configuration: str
    state: State = field(default_factory=MemoryState)
    second: float = 0
    answer: Callable[[Delivery], Result] = lambda _: DELIVERED
    told: list[Told] = field(default_factory=list)
    attempts: list[float] = field(default_factory=list)
    plan: str = ""
    """The response file."""

    def __post_init__(self) -> None:
        self._ids = (f"00000000-0000-4000-8000-{number:012d}" for number in itertools.count(1))
        self.start()

    @property
    def now(self) -> int:
        return START + round(self.second * SECOND)

    def start(self) -> None:
        """The process begins, or begins again after a kill: only the state is left."""
        self.pipeline = Pipeline(
            parse_configuration(self.configuration),
            self.state,
            self.now,
            new_id=lambda: next(self._ids),
            plan=parse_plan(self.plan),
        )

    def reload(self, configuration: str) -> None:
        self.configuration = configuration
        self.pipeline.reload(parse_configuration(configuration), self.now, parse_plan(self.plan))

    def acknowledge(self, name: str = "Down", *, lasts: float = 0, **labels: str) -> None:
        """Somebody takes care of an alert, for some seconds or until it ends."""
        until = self.now + round(lasts * SECOND) if lasts else 0
        self.pipeline.acknowledge(fingerprint(name, **labels), "alice", "mine", self.now, until)
        self.turn()

    def run_until(self, second: float) -> None:
        """Let time pass."""
        end = START + round(second * SECOND)
        while self.pipeline.next_at() <= end:
            self.second = max((self.pipeline.next_at() - START) / SECOND, self.second)
            self.turn()
        self.second = second

    def turn(self) -> None:
        for delivery in self.pipeline.advance(self.now):
            self.attempts.append(self.second)
            result = self.answer(delivery)
            if result.delivered:
                self.note(delivery)
            self.pipeline.settle(delivery, result, self.now)

    def note(self, delivery: Delivery) -> None:
        batch = delivery.batch
        self.told.append(
            Told(
                self.second,
                batch.integration,
                " ".join(map(name_of, batch.firing)),
                " ".join(map(name_of, batch.resolved)),
            )
        )

    def fire(
        self, name: str = "Down", *, ends: float | None = 100 * HOUR, starts: float | None = None, **labels: str
    ) -> None:
        """Post an alert that fires until a second, or until nobody has posted it for a while."""
        self._post(name, labels, self.second if starts is None else starts, ends)

    def resolve(self, name: str = "Down", **labels: str) -> None:
        """Post that an alert has ended."""
        self._post(name, labels, 0, self.second)

    def _post(self, name: str, labels: dict[str, str], starts: float, ends: float | None) -> None:
        posted = PostedAlert(
            {"alertname": name, **labels},
            {},
            START + round(starts * SECOND),
            0 if ends is None else START + round(ends * SECOND),
        )
        assert self.pipeline.post([posted], self.now) == []
        self.turn()

    def silence(self, *, starts: float, ends: float, **labels: str) -> str:
        """Silence alerts with these labels; returns the id."""
        wanted = Silence(
            tuple(Matcher(name, "=", value) for name, value in labels.items()),
            START + round(starts * SECOND),
            START + round(ends * SECOND),
            created_by="me",
            comment="planned",
        )
        return self.pipeline.put_silence(wanted, self.now).id


WEBHOOK = "webhook_configs: [{url: 'http://a/'}]"


def one_receiver(rest: str = "", receiver: str = WEBHOOK, **route: str) -> str:
    """A configuration with a receiver ``a`` and a single route."""
    keys = {"receiver": "a", "group_wait": "10s", "group_interval": "1m", "repeat_interval": "10m"} | route
    written = ", ".join(f"{key}: {value}" for key, value in keys.items())
    return f"route: {{{written}}}\nreceivers: [{{name: a, {receiver}}}]\n{rest}\n"
