"""A tenant at its limit of series: those it has go on, new ones are refused, and the sender is told why."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import REGISTRY
from tests.receivers.otlp.conftest import Recorder, authenticate
from tests.receivers.prometheus.test_remote_write import V1, V2, send, written
from tests.receivers.prometheus.write_requests import NOW, histogram, series, version_1, version_2

from sonde.receivers import snappy
from sonde.receivers.in_flight import InFlight
from sonde.receivers.prometheus import remote_write
from sonde.receivers.prometheus.messages import WriteRequest
from sonde.receivers.prometheus.write_labels import LabelLimits
from sonde.receivers.prometheus.write_limit import LimitedConsumer, LimitedWrites
from sonde.receivers.receiver import Receiver
from sonde.telemetry.signal import Signal

WHY = "it is new, and there is no room"
WRITE = {V1: version_1, V2: version_2}
OLD = series("up", labels={"job": "old"})
NEW = series("up", (1.0, NOW), (2.0, NOW), labels={"job": "new"}, exemplars=[([], 1.0, NOW)])


@dataclass
class Table:
    """Who is at its limit, and which series there are; what was asked."""

    full: set[str] = field(default_factory=set)
    jobs: set[str] = field(default_factory=lambda: {"old"})
    asked: list[list[str]] = field(default_factory=list)

    def reached(self, tenant: str) -> str:
        return WHY if tenant in self.full else ""

    async def known(self, tenant: str, series: Sequence[Sequence[tuple[str, str]]]) -> list[bool]:
        self.asked.append([dict(labels)["job"] for labels in series])
        return [job in self.jobs for job in self.asked[-1]]


@dataclass
class Hands:
    """A clock, set by hand."""

    seconds: float = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def table() -> Table:
    return Table(full={"default"})


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def writes(table: Table, hands: Hands) -> LimitedWrites:
    return LimitedWrites(table, ThreadPoolExecutor(1), clock=hands)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def app(recorder: Recorder, writes: LimitedWrites) -> Any:
    return remote_write.application(Receiver(recorder, authenticate, InFlight(limit_bytes=1 << 28)), limited=writes)


def jobs(body: bytes) -> list[str]:
    return [
        label.value for each in WriteRequest.FromString(body).timeseries for label in each.labels if label.name == "job"
    ]


@pytest.mark.parametrize("version", WRITE)
async def test_new_series_are_refused_and_old_ones_are_kept(app: Any, recorder: Recorder, version: str) -> None:
    answer = await send(app, snappy.compress(WRITE[version](OLD, NEW)), version)

    assert (answer.status, written(answer)) == (400, (1, 0, 0))
    assert answer.body.decode() == f"1 of 2 series rejected, with 2 samples and 0 histograms: series 2: {WHY}"
    assert [jobs(body) for body in recorder.bodies] == [["old"]]


@pytest.mark.parametrize("version", WRITE)
async def test_a_request_of_old_series_is_kept_as_it_is(app: Any, recorder: Recorder, version: str) -> None:
    body = WRITE[version](OLD, series("h", labels={"job": "old"}, histograms=[histogram({1: 2})]))
    answer = await send(app, snappy.compress(body), version)

    assert (answer.status, recorder.bodies) == (204, [body])


async def test_a_tenant_that_has_room_is_not_looked_into(app: Any, recorder: Recorder, table: Table) -> None:
    table.full.clear()
    answer = await send(app, snappy.compress(version_1(OLD, NEW)))

    assert (answer.status, len(recorder.bodies), table.asked) == (204, 1, [])


async def test_nothing_but_new_series_keeps_nothing_and_metadata_always_passes(app: Any, recorder: Recorder) -> None:
    assert (await send(app, snappy.compress(version_1(NEW)))).status == 400
    assert recorder.bodies == []
    only_metadata = version_1(metadata=[(1, "up", "help", "")])
    assert (await send(app, snappy.compress(only_metadata))).status == 204
    assert recorder.bodies == [only_metadata]


async def test_a_series_is_asked_about_once(app: Any, table: Table, hands: Hands) -> None:
    body = snappy.compress(version_1(OLD, NEW))
    for _ in range(3):
        await send(app, body)
    assert table.asked == [["old", "new"]]

    hands.seconds += 60  # it may have come just before the limit was noticed
    table.jobs.add("new")
    assert [(await send(app, body)).status for _ in range(2)] == [204, 204]
    assert table.asked[1:] == [["new"]]

    hands.seconds += 86_400  # what was there yesterday may be new today
    await send(app, body)
    assert table.asked[2:] == [["old", "new"]]


async def test_what_is_refused_is_counted(app: Any) -> None:
    def refused() -> float:
        return REGISTRY.get_sample_value("sonde_receivers_series_refused_total", {"tenant": "default"}) or 0.0

    before = refused()
    await send(app, snappy.compress(version_1(NEW, OLD, series("up", labels={"job": "other"}))))
    assert refused() == before + 2


async def test_who_answers_nobody_leaves_new_series_out(writes: LimitedWrites, recorder: Recorder) -> None:
    consumer = LimitedConsumer(recorder, writes)
    await consumer.consume(Signal.PROMETHEUS, version_2(NEW, OLD), tenant="default")
    await consumer.consume(Signal.PROMETHEUS, version_2(NEW), tenant="default")
    await consumer.consume(Signal.TRACES, b"not looked into", tenant="default")

    assert [signal for signal, _, _ in recorder.kept] == [Signal.PROMETHEUS, Signal.TRACES]
    assert jobs(recorder.bodies[0]) == ["old"]


LABELS = LabelLimits(labels=3, name_bytes=8, value_bytes=10)
BOMBS = {
    "too many labels": ({f"l{n}": "v" for n in range(5)}, "it has 6 labels; 3 are the most"),
    "far too many labels": ({f"l{n:04}": "v" for n in range(2000)}, " 3 are the most"),
    "a long name": ({"n" * 9: "v"}, "the name of a label has 9 bytes; 8 are the most"),
    "a long value": ({"n": "é" * 6}, "the value of the label 'n' has 12 bytes; 10 are the most"),
}


@pytest.mark.parametrize("version", WRITE)
@pytest.mark.parametrize(("labels", "reason"), BOMBS.values(), ids=BOMBS)
async def test_labels_beyond_their_limits_are_refused_by_themselves(
    recorder: Recorder, version: str, labels: dict[str, str], reason: str
) -> None:
    receiver = Receiver(recorder, authenticate, InFlight(limit_bytes=1 << 28))
    app = remote_write.application(receiver, labels=LABELS)
    answer = await send(app, snappy.compress(WRITE[version](series("up", labels=labels), OLD)), version)

    assert (answer.status, written(answer)) == (400, (1, 0, 0))
    assert answer.body.decode().startswith("1 of 2 series rejected, with 1 samples and 0 histograms: series 1: ")
    assert answer.body.decode().endswith(reason)
    assert len(recorder.bodies) == 1
