"""What stories of rules are told with: a clock that only the test turns, series by minutes, and who is told what."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sonde.errors import SondeError
from sonde.query.promql.memory_storage import STALE, MemoryStorage, is_marker
from sonde.rules.batch import Sample
from sonde.rules.expression import Answer
from sonde.rules.group import Group, Surroundings
from sonde.rules.languages import in_memory
from sonde.rules.notify import SentAlert
from sonde.rules.recent import Recent
from sonde.rules.rule_file import parse_rule_file
from sonde.rules.template import Templates
from sonde.telemetry.labels import Labels, labels_of

SECOND = 10**9
MINUTE = 60 * SECOND


@dataclass
class FakeClock:
    """Both hands stand still until ``turn_to`` moves them, and wakes up who waits."""

    now: int = 0
    waiting: list[tuple[int, int, asyncio.Future[None]]] = field(default_factory=list)
    count: int = 0

    def wall_nano(self) -> int:
        return self.now

    def steady_nano(self) -> int:
        return self.now

    async def sleep_until(self, steady_nano: int) -> None:
        if steady_nano <= self.now:
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.count += 1
        heapq.heappush(self.waiting, (steady_nano, self.count, future))
        await future

    async def turn_to(self, nano: int) -> None:
        """Let time go by, one event after the other."""
        await settle()
        while self.waiting and self.waiting[0][0] <= nano:
            at, _, future = heapq.heappop(self.waiting)
            self.now = max(self.now, at)
            if not future.done():
                future.set_result(None)
            await settle()
        self.now = max(self.now, nano)
        await settle()


async def settle() -> None:
    for _ in range(200):
        await asyncio.sleep(0)


@dataclass
class Story:
    """A group over series in memory."""

    clock: FakeClock = field(default_factory=FakeClock)
    storage: MemoryStorage = field(default_factory=MemoryStorage)
    told: list[tuple[int, SentAlert]] = field(default_factory=list)
    written: list[Sample] = field(default_factory=list)
    error: SondeError | None = None
    """What the writer or notifier fails with, as long as it is set."""
    delay_nano: int = 0
    """How long a write takes."""
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.recent = Recent()
        self.languages = in_memory(self.recent.over(lambda: self.storage), subquery_step=60_000)
        self.surroundings = replace(
            Surroundings(
                tenant="default",
                storage=self.recent.over(lambda: self.storage),
                writer=self,
                notifier=self,
                expand=Templates(self.languages["promql"]),
                clock=self.clock,
                recent=self.recent,
            ),
            **self.options,
        )

    async def write(self, samples: Sequence[Sample]) -> None:
        if self.error:
            raise self.error
        if self.delay_nano:
            await self.clock.sleep_until(self.clock.now + self.delay_nano)
        self.written += samples
        for sample in samples:
            self.storage.put(sample.labels, sample.time_milli, sample.value)

    async def notify(self, alerts: Sequence[SentAlert], *, tenant: str) -> None:
        assert tenant == "default"
        if self.error:
            raise self.error
        self.told += [(self.clock.now, alert) for alert in alerts]

    def definitions(self, text: str, file: str = "rules.yml") -> Any:
        found = parse_rule_file(text, self.languages, source=file)
        assert not found.problems, found.messages()
        return found.groups

    def group(self, text: str, *, is_restored: bool = True) -> Group:
        (definition,) = self.definitions(text)
        return Group(definition, self.surroundings, MINUTE, is_restored=is_restored)

    def put(self, name: str, at: int, value: float, **labels: str) -> None:
        self.storage.put(series(name, **labels), at // 10**6, value)

    async def evaluate(self, group: Group, at: int) -> None:
        self.clock.now = at
        await group.evaluate(at)

    def values(self, name: str) -> dict[Labels, dict[int, float | str]]:
        """What was written of a metric, by labels and second."""
        found: dict[Labels, dict[int, float | str]] = {}
        for sample in self.written:
            labels = dict(sample.labels)
            if labels.pop("__name__") == name:
                assert isinstance(sample.value, float)
                shown = "stale" if is_marker(sample.value) else sample.value
                found.setdefault(labels_of(labels), {})[sample.time_milli // 1000] = shown
        return found


def series(name: str, **labels: str) -> Labels:
    return labels_of({"__name__": name, **labels})


def stale() -> float:
    return STALE


@dataclass
class Answers:
    """An expression whose answers stand in a table, by milliseconds."""

    table: Mapping[int, Answer | SondeError]
    text: str = "answers"
    reads: Any = ()

    async def evaluate(self, at_milli: int) -> Answer:
        answer = self.table.get(at_milli, Answer.of({}))
        if isinstance(answer, SondeError):
            raise answer
        return answer
