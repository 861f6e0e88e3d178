"""The outbox: bounded, never blocking its callers, honest about what was lost, and over within its deadline."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import pytest

from sonde.sdk.outbox import Outbox
from sonde.telemetry.signal import Signal


class Wire:
    """A sender that remembers, and that can be held up or made to fail."""

    def __init__(self) -> None:
        self.batches: list[list[object]] = []
        self.threads: set[int] = set()
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Event()
        self.works = True
        self.is_failing = False
        self.abandoned = False

    def send(self, batch: list[object]) -> bool:
        self.threads.add(threading.get_ident())
        self.entered.set()
        self.open.wait(30)
        if self.works:
            self.batches.append(batch)
        return self.works

    def abandon(self) -> None:
        self.abandoned = True
        self.open.set()

    @property
    def items(self) -> list[object]:
        return [item for batch in self.batches for item in batch]


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def make(wire):
    made: list[Outbox] = []

    def make(**options: Any) -> Outbox:
        settings: dict[str, Any] = {
            "collect": lambda: None,
            "queue_size": 100,
            "batch_size": 10,
            "delay_seconds": 60,
            "collect_seconds": 60,
            **options,
        }
        made.append(Outbox(lambda: {Signal.LOGS: wire}, **settings))
        return made[-1]

    yield make
    wire.open.set()
    for outbox in made:
        outbox.close(5)


def test_everything_is_sent_in_order_on_another_thread(make, wire):
    outbox = make()
    for number in range(25):
        outbox.put(Signal.LOGS, number, 1)
    assert outbox.flush(5)
    assert wire.items == list(range(25))
    assert wire.threads == {outbox._thread.ident} != {threading.get_ident()}


def test_a_full_batch_does_not_wait_for_its_time(make, wire):
    outbox = make()
    for number in range(10):
        outbox.put(Signal.LOGS, number, 1)
    assert wire.entered.wait(5)


def test_a_signal_that_is_off_is_not_queued(make):
    outbox = make()
    outbox.put(Signal.TRACES, "span", 1)
    assert not outbox._lanes[Signal.TRACES].queue


@pytest.mark.parametrize(
    ("size_bytes", "kept"), [(1, 100), (1 << 20, 32), (64 << 20, 1)], ids=["by count", "by bytes", "one giant"]
)
def test_a_full_queue_loses_its_oldest_and_counts_them(make, wire, size_bytes, kept):
    wire.open.clear()
    outbox = make(batch_size=1)
    outbox.put(Signal.LOGS, "first, under way", 1)
    assert wire.entered.wait(5)
    for number in range(150):
        outbox.put(Signal.LOGS, number, size_bytes)
    wire.open.set()
    assert outbox.flush(5)
    assert wire.items[1:] == list(range(150 - kept, 150))
    assert outbox.dropped[Signal.LOGS] == 150 - kept


def test_put_does_not_wait_for_a_server_that_hangs(make, wire):
    wire.open.clear()
    outbox = make(batch_size=1)
    outbox.put(Signal.LOGS, 0, 1)
    assert wire.entered.wait(5)
    before = time.thread_time()
    for number in range(1000):
        outbox.put(Signal.LOGS, number, 1)
    assert time.thread_time() - before < 0.5


def test_flush_says_whether_all_of_it_arrived(make, wire):
    outbox = make()
    outbox.put(Signal.LOGS, 1, 1)
    wire.works = False
    assert not outbox.flush(5)
    wire.works = True
    assert outbox.flush(5)
    assert outbox.dropped[Signal.LOGS] == 1


def test_flush_and_close_keep_their_deadlines_when_the_server_hangs(make, wire):
    wire.open.clear()
    outbox = make()
    outbox.put(Signal.LOGS, 1, 1)
    began = time.monotonic()
    assert not outbox.flush(0.05)
    assert not outbox.close(0.05)
    assert time.monotonic() - began < 5
    assert wire.abandoned


def test_close_gives_up_at_once_when_the_server_is_away(make, wire):
    wire.open.clear()
    wire.is_failing = True
    outbox = make()
    outbox.put(Signal.LOGS, 1, 1)
    began = time.monotonic()
    assert not outbox.close(60)
    assert time.monotonic() - began < 30


def test_a_closed_outbox_takes_nothing_more(make, wire):
    outbox = make()
    assert outbox.close(5)
    assert outbox.close(5)
    outbox.put(Signal.LOGS, 1, 1)
    assert wire.items == []


def test_metrics_are_collected_before_a_flush(make, wire):
    outbox = make(collect=lambda: outbox.put(Signal.LOGS, "collected", 1))
    assert outbox.flush(5)
    assert wire.items == ["collected"]


def test_putting_while_putting_on_the_same_thread_does_not_deadlock(make, wire):
    outbox = make()
    with outbox._changed:  # as a finaliser does that the garbage collector runs inside put()
        outbox.put(Signal.LOGS, 1, 1)
    assert outbox.flush(5)
    assert wire.items == [1]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_sends_its_own_items_and_not_its_parents(make, wire):
    outbox = make()
    outbox.put(Signal.LOGS, "parent", 1)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        outbox.put(Signal.LOGS, "child", 1)
        outbox.flush(5)
        os.write(write, repr(wire.items).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as pipe:
        assert pipe.read() == "['child']"
    assert outbox.flush(5)
    assert wire.items == ["parent"]
