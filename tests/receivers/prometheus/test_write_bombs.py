"""Bodies that are made to take much: each gets a clear answer, and memory in proportion to its size."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Callable

import pytest
from tests.receivers.otlp.conftest import Recorder, authenticate
from tests.receivers.prometheus.test_remote_write import V1, V2, send, written
from tests.receivers.prometheus.write_requests import NOW, STALE, Series, series, version_1, version_2

from sonde.receivers import snappy
from sonde.receivers.in_flight import InFlight
from sonde.receivers.prometheus import remote_write
from sonde.receivers.prometheus.write_check import LEFT_OVER_BYTES
from sonde.receivers.receiver import Receiver

MIB = 1 << 20
GOOD = series("up", labels={"job": "api"})
WRITE: dict[str, Callable[..., bytes]] = {V1: version_1, V2: version_2}
BOMBS = {
    "a hundred thousand labels": [series("bomb", labels={f"l{n:06}": "v" for n in range(100_000)})],
    "a value of eight megabytes": [series("bomb", labels={"l": "v" * (8 * MIB)})],
    "a name of eight megabytes": [series("bomb", labels={"n" * (8 * MIB): "v"})],
    "a hundred series of a thousand labels": [
        series("bomb", labels={f"l{n:03}": str(bomb) for n in range(1_000)}) for bomb in range(100)
    ],
    "a thousand times the same label": [Series([("__name__", "bomb"), *[("l", "v")] * 1_000], [(1.0, NOW)])],
}


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def app(recorder: Recorder) -> remote_write.Application:
    return remote_write.application(Receiver(recorder, authenticate, InFlight(limit_bytes=256 * MIB)))


@pytest.mark.parametrize("version", WRITE)
@pytest.mark.parametrize("bombs", BOMBS.values(), ids=BOMBS)
async def test_a_label_bomb_is_refused_with_its_reason_and_its_neighbour_is_kept(
    app: remote_write.Application, recorder: Recorder, version: str, bombs: list[Series]
) -> None:
    body = snappy.compress(WRITE[version](GOOD, *bombs))
    size = len(WRITE[version](GOOD, *bombs))
    tracemalloc.start()
    try:
        answer = await send(app, body, version)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert (answer.status, written(answer)) == (400, (1, 0, 0))
    assert answer.body.decode().startswith(f"{len(bombs)} of {len(bombs) + 1} series rejected")
    assert len(answer.body) < 100_000
    [kept] = recorder.bodies
    assert len(kept) < min(size, 2 * LEFT_OVER_BYTES)
    assert peak < 40 * size + 4 * MIB


@pytest.mark.parametrize("version", WRITE)
@pytest.mark.parametrize("value", [math.nan, STALE, math.inf, 5e-324], ids=["NaN", "stale", "infinite", "tiny"])
async def test_a_flood_of_odd_numbers_is_kept_as_it_is(
    app: remote_write.Application, recorder: Recorder, version: str, value: float
) -> None:
    body = WRITE[version](series("flood", *((value, NOW + place) for place in range(100_000))))
    compressed = snappy.compress(body)
    tracemalloc.start()
    try:
        answer = await send(app, compressed, version)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert (answer.status, written(answer), recorder.bodies) == (204, (100_000, 0, 0), [body])
    assert peak < 16 * len(body) + 4 * MIB
