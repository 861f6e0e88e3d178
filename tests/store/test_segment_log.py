from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.store.conftest import RECEIVED, framed

from sonde.errors import Unavailable
from sonde.store.frame import frames
from sonde.store.segment_log import Durability, LogLimits, Segment, SegmentLog, recover

BODY = b"a body of telemetry"
MIB = 1 << 20


@pytest.fixture
def open_log(tmp_path: Path) -> Iterator[Callable[..., SegmentLog]]:
    logs: list[SegmentLog] = []

    def opened(directory: Path = tmp_path / "traces", **options: Any) -> SegmentLog:
        log = SegmentLog(directory, **{"clock": lambda: RECEIVED, **options})
        logs.append(log)
        return log

    yield opened
    for log in logs:
        log.close()


def bodies_of(segment: Segment, tenant: str = "default") -> list[bytes]:
    """The bodies in a segment, in order; all of one tenant and received at RECEIVED."""
    content = segment.path.read_bytes()
    end = len(framed(b"", tenant)) - 1
    return [content[frame.payload : frame.end - end] for frame in frames(memoryview(content))]


async def append_all(log: SegmentLog, bodies: list[bytes]) -> list[BaseException | None]:
    return list(await asyncio.gather(*(log.append(body, "default") for body in bodies), return_exceptions=True))


async def test_an_appended_body_is_in_the_file_when_append_returns(open_log: Any) -> None:
    log = open_log()

    await log.append(BODY, "default")

    [path] = (log._directory).iterdir()
    assert path.read_bytes() == framed(BODY)


async def test_a_sealed_segment_holds_its_bodies_in_order_and_the_next_is_another_file(open_log: Any) -> None:
    log = open_log()
    for number in range(3):
        await log.append(b"%d" % number, "default")
    first = log.seal()
    await log.append(b"later", "default")
    second = log.seal()

    assert (bodies_of(first), bodies_of(second)) == ([b"0", b"1", b"2"], [b"later"])
    assert first.token != second.token
    assert log.seal() is None


async def test_bodies_that_wait_together_are_written_together(open_log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """One write and one fsync for all that wait: held up by the lock of the file, fifty bodies take two batches."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    log = open_log(durability=Durability.POWER)
    with log._file:
        appended = asyncio.create_task(append_all(log, [BODY] * 50))
        await asyncio.sleep(0)
        while len(log._waiting) == 50:  # noqa: ASYNC110 - the log tells nobody
            await asyncio.sleep(0.001)

    assert await appended == [None] * 50
    assert len(synced) <= 2
    assert len(bodies_of(log.seal())) == 50


async def test_an_open_segment_is_sealed_when_it_is_old_enough_and_a_full_one_at_once(open_log: Any) -> None:
    now = [RECEIVED]
    log = open_log(clock=lambda: now[0], limits=LogLimits(segment_bytes=200))
    await log.append(b"x", "default")
    too_young = log.seal(min_age_nano=10**9)
    now[0] += 10**9
    old_enough = log.seal(min_age_nano=10**9)
    await log.append(b"x" * 300, "default")
    full = log.seal(min_age_nano=10**9)

    assert too_young is None
    assert (old_enough is not None, full.size > 300) == (True, True)


async def test_tenants_share_a_segment(open_log: Any) -> None:
    log = open_log()
    await log.append(BODY, "red")
    await log.append(BODY, "blue")

    assert log.seal().path.read_bytes() == framed(BODY, "red") + framed(BODY, "blue")


async def test_bytes_that_wait_for_the_store_are_bounded_until_they_are_in_it(open_log: Any) -> None:
    log = open_log(limits=LogLimits(pending_bytes=1000))
    await log.append(b"x" * 800, "default")
    with pytest.raises(Unavailable, match="wait for the store") as refused:
        await log.append(b"x" * 800, "default")
    segment = log.seal()
    with pytest.raises(Unavailable):
        await log.append(b"x" * 800, "default")
    log.forget(segment)
    await log.append(b"x" * 800, "default")

    assert refused.value.code == "overloaded"
    assert refused.value.retry_after_seconds > 0
    assert not segment.path.exists()
    assert (log.counts().accepted, log.counts().refused) == (2, 2)
    assert log.counts().pending_bytes == len(framed(b"x" * 800))


async def test_a_segment_of_an_earlier_run_fills_the_budget_too(open_log: Any, tmp_path: Path) -> None:
    log = open_log(limits=LogLimits(pending_bytes=1000))
    log.adopt(Segment(tmp_path / "old.segment", 900))

    with pytest.raises(Unavailable, match="wait for the store"):
        await log.append(b"x" * 200, "default")


async def test_below_the_free_room_that_is_kept_bodies_are_refused_until_there_is_room(open_log: Any) -> None:
    free = [10**12]
    log = open_log(free_bytes=lambda _: free[0])
    await log.append(b"before", "default")
    free[0] = MIB
    with pytest.raises(Unavailable, match="disk of traces is full") as refused:
        await log.append(b"refused", "default")
    free[0] = 10**12
    await log.append(b"after", "default")

    assert (refused.value.code, refused.value.retry_after_seconds) == ("disk_full", 30)
    assert bodies_of(log.seal()) == [b"before", b"after"]


async def test_a_write_that_does_not_fit_leaves_the_segment_as_it_was(
    open_log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that fills while it is written: some bytes of the batch are there, then ENOSPC."""
    log = open_log()
    await log.append(b"before", "default")
    with monkeypatch.context() as patch:

        def half(descriptor: int, buffers: list[bytes]) -> int:
            os.write(descriptor, b"".join(buffers)[:7])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        patch.setattr(os, "writev", half)
        with pytest.raises(Unavailable, match="is full"):
            await log.append(b"refused", "default")
    await log.append(b"after", "default")

    segment = log.seal()
    assert segment.path.stat().st_size == segment.size
    assert bodies_of(segment) == [b"before", b"after"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.decode()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


async def test_on_a_full_disk_what_was_acknowledged_is_whole_and_nothing_else_is_there(
    small_disk: Path, tmp_path: Path
) -> None:
    log = SegmentLog(small_disk / "logs", limits=LogLimits(free_bytes=0), clock=lambda: RECEIVED)
    bodies = [b"%04d" % number + b"x" * 100_000 for number in range(60)]
    answers = [(await append_all(log, [body]))[0] for body in bodies]
    kept = [body for body, answer in zip(bodies, answers, strict=True) if answer is None]
    refused = [answer for answer in answers if answer is not None]
    first = log.seal()
    found = bodies_of(first)
    shutil.copy(first.path, tmp_path / "copy.segment")
    log.forget(first)
    await log.append(b"there is room again", "default")
    log.close()

    assert 20 < len(kept) < 60
    assert {error.code for error in refused} == {"disk_full"}  # type: ignore[attr-defined]
    assert found == kept
    assert recover(tmp_path, tmp_path / "quarantine").cut_bytes == 0


async def test_closing_writes_what_waits_and_refuses_what_comes(open_log: Any) -> None:
    log = open_log()
    await log.append(BODY, "default")
    with log._file:
        waiting = asyncio.create_task(log.append(b"waits", "default"))
        await asyncio.sleep(0)
        closing = threading.Thread(target=log.close)
        closing.start()
    await waiting
    closing.join()

    with pytest.raises(Unavailable, match="shutting down"):
        await log.append(b"too late", "default")
    assert bodies_of(log.seal()) == [BODY, b"waits"]


async def test_a_client_that_went_away_does_not_hold_up_the_others(open_log: Any) -> None:
    log = open_log()
    with log._file:
        gone = asyncio.create_task(log.append(b"gone", "default"))
        stays = asyncio.create_task(log.append(b"stays", "default"))
        await asyncio.sleep(0)
        gone.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await gone
    await stays

    assert b"stays" in bodies_of(log.seal())


def test_bodies_from_several_event_loops_are_all_told(open_log: Any) -> None:
    log = open_log()
    done: list[list[BaseException | None]] = []

    def send() -> None:
        done.append(asyncio.run(append_all(log, [BODY] * 100)))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert done == [[None] * 100] * 4
    assert log.counts().accepted == 400


async def test_power_durability_syncs_the_data_and_the_name_before_it_acknowledges(
    open_log: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(os, "fdatasync", lambda _: done.append("data"))
    monkeypatch.setattr(os, "fsync", lambda _: done.append("directory"))
    log = open_log(durability=Durability.POWER)
    await log.append(BODY, "default")
    done.append("acknowledged")
    await log.append(BODY, "default")

    assert done == ["directory", "data", "acknowledged", "data"]


# What an earlier process left: torn ends are cut, damaged frames set aside, all else kept.
BODIES = (b"first", b"second" * 40, b"third")


def recovered(content: bytes) -> tuple[bytes, int, list[bytes]]:
    """(what is kept, bytes cut, what was set aside) of one segment; a second look finds nothing more to do."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "0-a.segment").write_bytes(content)
        found = recover(folder, folder / "quarantine")
        kept = b"".join(segment.path.read_bytes() for segment in found.segments)
        again = recover(folder, folder / "quarantine")
        assert (again.segments, again.cut_bytes, again.set_aside) == (found.segments, 0, [])
        assert [segment.size for segment in found.segments] == ([len(kept)] if kept else [])
        return kept, found.cut_bytes, [path.read_bytes() for path in found.set_aside]


def test_a_tail_torn_at_any_byte_is_cut_at_the_last_whole_frame() -> None:
    each = [framed(body) for body in BODIES]
    segment, boundaries = b"".join(each), [0]
    for frame in each:
        boundaries.append(boundaries[-1] + len(frame))
    for cut in range(len(segment) + 1):
        whole = max(boundary for boundary in boundaries if boundary <= cut)
        assert recovered(segment[:cut]) == (segment[:whole], cut - whole, []), cut


@given(torn=st.binary(min_size=1, max_size=40))
def test_whatever_lies_behind_the_last_frame_no_sound_frame_is_lost(torn: bytes) -> None:
    sound = framed(b"sound")
    kept, _, _ = recovered(sound + torn)
    assert kept == sound


@given(st.data())
def test_a_damaged_body_in_the_middle_is_set_aside_and_its_neighbours_stay(data: st.DataObject) -> None:
    first, middle, last = (framed(body) for body in BODIES)
    damaged = bytearray(middle)
    place = data.draw(st.integers(0, len(middle) - 1))  # its length too
    damaged[place] ^= data.draw(st.integers(1, 255))

    assert recovered(first + bytes(damaged) + last) == (first + last, 0, [bytes(damaged)])


def test_several_damaged_frames_and_a_torn_end_are_told_apart() -> None:
    first, middle, last = (framed(body) for body in BODIES)
    no_length = b"\xff" * 5 + first[5:]
    no_checksum = middle[:-1] + bytes([middle[-1] ^ 1])

    kept, cut, set_aside = recovered(first + no_length + no_checksum + last + no_length + first[:-3])

    assert (kept, cut) == (first + last, len(no_length + first[:-3]))
    assert set_aside == [no_length + no_checksum]


def test_zeros_at_the_end_are_torn_as_a_file_system_leaves_them_after_a_loss_of_power() -> None:
    sound = framed(b"sound")
    assert recovered(sound + b"\0" * 4096) == (sound, 4096, [])


def test_a_segment_with_nothing_sound_in_it_is_gone() -> None:
    assert recovered(b"") == (b"", 0, [])
    assert recovered(framed(b"torn")[:-1])[0] == b""


def test_segments_come_back_oldest_first(tmp_path: Path) -> None:
    for name in ("2-b", "1-z", "3-a"):
        (tmp_path / f"{name}.segment").write_bytes(framed(name.encode()))
    assert [segment.token for segment in recover(tmp_path, tmp_path / "q").segments] == ["1-z", "2-b", "3-a"]
