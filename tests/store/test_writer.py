from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sonde.errors import SondeError
from sonde.store.client import Client, sonde_error
from sonde.store.frame import frames
from sonde.store.segment_log import SegmentLog, recover
from sonde.store.writer import Writer
from sonde.telemetry.signal import Signal


class FakeStore:
    """A ``Client`` that keeps what is inserted, once a token, and refuses as it is told to."""

    def __init__(self) -> None:
        self.kept: dict[str, list[bytes]] = {}
        self.asked: list[str] = []
        self.trouble: list[SondeError] = []  # one is raised by each insert, until there are none
        self.poison = b""  # a segment with these bytes in it cannot be read

    def insert_file(self, table: str, path: Path, *, input_format: str, token: str, settings: Any) -> None:
        assert (table, input_format) == ("logs_in", "Protobuf")
        self.asked.append(token)
        if self.trouble:
            raise self.trouble.pop(0)
        content = path.read_bytes()
        if self.poison and self.poison in content:
            raise sonde_error("Code: 444. DB::Exception: Protobuf data corrupted")
        self.kept.setdefault(token, [content[frame.payload : frame.end] for frame in frames(memoryview(content))])

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the writer asked for {name}")

    def has(self, *bodies: bytes) -> list[int]:
        """How often each body was stored."""
        stored = [frame for group in self.kept.values() for frame in group]
        return [sum(frame.startswith(body) for frame in stored) for body in bodies]


class House:
    """A log, a fake store and the writers between them, on one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.quarantine = directory / "quarantine"
        self.store = FakeStore()
        self.paused: list[float] = []
        self.on_pause: Callable[[], None] = lambda: None
        self.log = SegmentLog(directory / "logs")
        self.writer = self.make_writer()

    def make_writer(self, **options: Any) -> Writer:
        def pause(seconds: float) -> None:
            self.paused.append(seconds)
            self.on_pause()

        client: Client = self.store  # type: ignore[assignment]
        chosen = {"quarantine": self.quarantine, "segment_age_seconds": 0.0, "pause": pause, **options}
        return Writer(Signal.LOGS, self.log, client, **chosen)

    def append(self, *bodies: bytes) -> None:
        async def all_of_them() -> None:
            await asyncio.gather(*(self.log.append(body, "default") for body in bodies))

        asyncio.run(all_of_them())

    def run(self) -> None:
        """Start, and end once everything that waits is inserted."""
        self.writer.start()
        deadline = time.monotonic() + 30
        while self.log.counts().pending_bytes and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        self.finish()

    def finish(self) -> None:
        self.log.close()
        self.writer.close(timeout_seconds=30)
        assert not self.writer._thread.is_alive()

    def left(self) -> list[str]:
        return sorted(path.name for path in (self.directory / "logs").iterdir())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.log.close()


def error(number: int) -> SondeError:
    return sonde_error(f"Code: {number}. DB::Exception: told to")


def test_a_segment_is_inserted_under_its_own_name_and_deleted(house: House) -> None:
    house.append(b"a1", b"b2")
    house.run()

    assert house.store.has(b"a1", b"b2") == [1, 1]
    assert (house.left(), house.log.counts().pending_bytes) == ([], 0)
    assert house.writer.counts.inserted_segments == 1


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(241, id="memory"),
        pytest.param(243, id="disk"),
        pytest.param(252, id="too many parts"),
        pytest.param(159, id="time"),
        pytest.param(394, id="killed"),
        pytest.param(210, id="network"),
        pytest.param(60, id="a table that is not there"),
    ],
)
def test_passing_trouble_is_waited_for_and_the_same_token_tried_again(house: House, number: int) -> None:
    house.append(b"body")
    house.store.trouble = [error(number)] * 3
    house.run()

    assert len(house.store.asked) == 4
    assert len(set(house.store.asked)) == 1
    assert house.store.has(b"body") == [1]
    assert house.paused == [0.5, 1.0, 2.0]
    assert (house.writer.counts.failed_attempts, house.writer.counts.trouble) == (3, "")
    assert not house.quarantine.exists()


def test_bodies_that_the_store_refuses_are_found_and_set_aside_and_all_others_stored(house: House) -> None:
    good = [b"good %02d" % number for number in range(20)]
    house.store.poison = b"poison"
    house.append(*good[:7], b"poison one", *good[7:], b"poison two")
    house.run()

    aside = [path.read_bytes() for path in sorted(house.quarantine.glob("*.frame"))]
    reasons = [json.loads(path.read_text())["error"] for path in house.quarantine.glob("*.json")]
    assert house.store.has(*good) == [1] * 20
    assert [b"poison one" in aside[0], b"poison two" in aside[1], len(aside)] == [True, True, 2]
    assert reasons == ["Code: 444. DB::Exception: Protobuf data corrupted"] * 2
    assert house.writer.counts.quarantined_frames == 2
    assert (house.left(), house.log.counts().pending_bytes) == ([], 0)


def test_trouble_while_the_guilty_are_sought_makes_nobody_guilty(house: House) -> None:
    house.store.poison = b"poison"
    house.append(b"good 1", b"poison", b"good 2", b"good 3")
    house.store.trouble = [error(444), error(241), error(444), error(243), error(241)]
    house.run()

    assert house.store.has(b"good 1", b"good 2", b"good 3") == [1, 1, 1]
    assert len(list(house.quarantine.glob("*.frame"))) == 1


@pytest.mark.parametrize("while_seeking", [False, True])
def test_stopped_while_the_store_is_in_trouble_it_leaves_the_segments_for_the_next_start(
    house: House, while_seeking: bool
) -> None:
    house.append(b"body 1", b"body 2")
    house.store.trouble = [error(444)] * while_seeking + [error(243)] * 1000
    in_trouble = threading.Event()
    house.on_pause = in_trouble.set
    house.writer.start()
    assert in_trouble.wait(10)
    house.finish()
    left = recover(house.directory / "logs", house.quarantine)
    house.store.trouble = []
    house.log = SegmentLog(house.directory / "logs")
    house.writer = house.make_writer(left_over=left.segments)
    house.run()

    assert house.store.has(b"body 1", b"body 2") == [1, 1]
    assert house.left() == []


def test_what_an_earlier_run_left_is_inserted_before_what_comes(house: House) -> None:
    house.append(b"earlier")
    house.log.close()
    left = recover(house.directory / "logs", house.quarantine)
    house.log = SegmentLog(house.directory / "logs")
    house.append(b"later")
    house.writer = house.make_writer(left_over=left.segments)
    house.run()

    first, second = house.store.kept.values()
    assert (first[0].startswith(b"earlier"), second[0].startswith(b"later")) == (True, True)
    assert house.log.counts().pending_bytes == 0


def test_a_segment_stays_until_what_is_derived_from_it_is_stored_too(house: House) -> None:
    seen: list[str] = []

    def derive(_: Client, token: str) -> None:
        seen.append(token)
        if len(seen) == 1:
            assert len(house.left()) == 1
            raise error(241)

    house.writer = house.make_writer(derivations=[derive])
    house.append(b"body")
    house.run()

    assert len(seen) == 2
    assert len({*seen, *house.store.asked}) == 1
    assert (house.store.has(b"body"), house.left()) == ([1], [])


@pytest.mark.parametrize("failure", [error(27), ValueError("our own mistake")], ids=["refused", "failed"])
def test_a_derivation_that_cannot_be_done_is_left_out_and_nothing_is_inserted_twice(
    house: House, failure: Exception
) -> None:
    def derive(_: Client, token: str) -> None:
        raise failure

    house.writer = house.make_writer(derivations=[derive])
    house.append(b"body 1", b"body 2")
    house.run()

    assert (house.store.has(b"body 1", b"body 2"), house.left()) == ([1, 1], [])
    assert len(house.store.asked) == 1
    assert "left out" in house.writer.counts.trouble
    assert not house.quarantine.exists()


def test_one_insert_takes_all_that_came_while_the_segment_was_young(house: House) -> None:
    house.writer = house.make_writer(segment_age_seconds=0.3)
    house.writer.start()
    for number in range(10):
        house.append(b"%d" % number)
    house.finish()

    assert house.store.has(*[b"%d" % number for number in range(10)]) == [1] * 10
    assert len(house.store.asked) <= 3
