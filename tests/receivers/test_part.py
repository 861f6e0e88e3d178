"""What a part of a collector may do wrong, and what becomes of it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable

import pytest

from sonde.receivers.collector import Family, Sample, gauge, merged, to_text
from sonde.receivers.part import Busy, Lane, NoData, Parts


async def fine() -> Iterable[Family]:
    return [gauge("fine", "Fine.", 1)]


async def broken() -> Iterable[Family]:
    raise ValueError("no such field\nin postgresql://u:hunter2@h/x")


async def absent() -> Iterable[Family]:
    raise NoData("nothing of the kind")


async def endless() -> Iterable[Family]:
    await asyncio.Event().wait()
    return ()


@pytest.mark.parametrize(
    ("work", "success", "failed", "said"),
    [
        (fine, True, False, []),
        (absent, False, False, []),
        (broken, False, True, ["collector x: part failed: ValueError: no such field in postgresql://u:***@h/x"]),
        (endless, False, True, ["collector x: part failed: no answer within 0.01 s"]),
    ],
)
async def test_whatever_a_part_does_is_an_outcome(
    caplog: pytest.LogCaptureFixture, work: object, success: bool, failed: bool, said: list[str]
) -> None:
    parts = Parts("x", timeout_seconds=0.01, secrets=["hunter2", ""])

    with caplog.at_level(logging.INFO):
        outcome = await parts.run("part", work)  # type: ignore[arg-type]
        await parts.run("part", work)  # type: ignore[arg-type]

    assert (outcome.success, outcome.failed) == (success, failed)
    assert [record.message for record in caplog.records] == said


async def test_work_that_does_not_come_back_is_not_begun_again() -> None:
    lane, go = Lane(), threading.Event()
    first = asyncio.create_task(lane.run(lambda: go.wait(30)))
    await asyncio.sleep(0)

    with pytest.raises(Busy):
        await lane.run(lambda: True)
    go.set()

    assert await first
    assert await lane.run(lambda: True)


async def test_what_blocking_work_raises_is_raised_where_it_was_asked_for() -> None:
    with pytest.raises(ZeroDivisionError):
        await Lane().run(lambda: 1 // 0)


def test_histograms_keep_the_order_of_their_buckets() -> None:
    samples = [Sample((("le", bound),), count, "_bucket") for bound, count in (("2", 1), ("10", 3), ("+Inf", 4))]

    text = to_text([Family("h", "histogram", "H.", [*samples, Sample((), 9, "_sum"), Sample((), 4, "_count")])])

    assert text.splitlines()[2:] == [
        'h_bucket{le="2"} 1',
        'h_bucket{le="10"} 3',
        'h_bucket{le="+Inf"} 4',
        "h_sum 9",
        "h_count 4",
    ]


def test_numbers_are_written_as_the_format_has_them() -> None:
    values = [float("nan"), float("inf"), -float("inf"), 1e20, 0.1, 5.0]
    families = [gauge(f"g{index}", "G.", value) for index, value in enumerate(values)]

    assert [line.split()[1] for line in to_text(families).splitlines() if not line.startswith("#")] == [
        *("NaN", "+Inf", "-Inf", "1e+20", "0.1", "5")
    ]
    assert len(merged([*families, *families])) == len(families)
