"""Remote write over HTTP: negotiation, statuses, headers, and what is kept for whom."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from tests.receivers.otlp.conftest import Answer, Recorder, authenticate, call
from tests.receivers.prometheus.write_requests import NOW, Series, histogram, series, version_1, version_2

from sonde.errors import Unavailable
from sonde.receivers import snappy
from sonde.receivers.http import Application
from sonde.receivers.in_flight import InFlight
from sonde.receivers.prometheus import remote_write
from sonde.receivers.receiver import Receiver
from sonde.telemetry.signal import Signal

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PROTOBUF = "application/x-protobuf"
V1, V2 = f"{PROTOBUF};proto=prometheus.WriteRequest", f"{PROTOBUF};proto=io.prometheus.write.v2.Request"
GOOD = [
    series("up", labels={"job": "api"}),
    series("h", histograms=[histogram({1: 2})], exemplars=[([], 1.0, NOW)] * 2),
]
BODIES = {V1: version_1(*GOOD), V2: version_2(*GOOD)}
BAD = Series([("job", "nameless")], [(1.0, NOW), (2.0, NOW)])
WRITTEN = ("samples", "histograms", "exemplars")


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def receiver(recorder: Recorder) -> Receiver:
    return Receiver(recorder, authenticate, InFlight(limit_bytes=256 * 1024 * 1024))


@pytest.fixture
def app(receiver: Receiver) -> Application:
    return remote_write.application(receiver)


async def send(app: Application, raw: bytes, media_type: str = V1, **more: Any) -> Answer:
    """A body, compressed already, as Prometheus sends it; headers by keyword, with _ for -."""
    path, method = more.pop("path", "/write"), more.pop("method", "POST")
    named = {
        "content-type": media_type,
        "content-encoding": "snappy",
        **{k.replace("_", "-"): v for k, v in more.items()},
    }
    answer = await call(
        app, path, raw, method=method, headers={name: value for name, value in named.items() if value is not None}
    )
    assert answer is not None
    return answer


def written(answer: Answer) -> tuple[int, ...]:
    return tuple(int(answer.headers[f"x-prometheus-remote-write-{kind}-written"]) for kind in WRITTEN)


@pytest.mark.parametrize(
    ("media_type", "version"),
    [
        (V1, V1),
        (V2, V2),
        (PROTOBUF, V1),
        (f"{PROTOBUF}; proto=io.prometheus.write.v2.Request", V2),
        (f'{PROTOBUF};charset=utf-8;proto="io.prometheus.write.v2.Request"', V2),
        (None, V1),
    ],
)
async def test_the_content_type_names_the_version(
    app: Application, recorder: Recorder, media_type: str, version: str
) -> None:
    answer = await send(app, snappy.compress(BODIES[version]), media_type)
    assert (answer.status, answer.body, written(answer)) == (204, b"", (1, 1, 2))
    assert "content-type" not in answer.headers
    assert recorder.kept == [(Signal.PROMETHEUS, BODIES[version], "default")]


@pytest.mark.parametrize("encoding", ["snappy", "Snappy", None, "zstd"])
async def test_compression(app: Application, recorder: Recorder, encoding: str | None) -> None:
    compress = zstd.compress if encoding == "zstd" else snappy.compress
    assert (await send(app, compress(BODIES[V2]), V2, content_encoding=encoding)).status == 204
    assert recorder.bodies == [BODIES[V2]]


UNREAD = {
    "json": {"content_type": "application/json"},
    "another message": {"content_type": f"{PROTOBUF};proto=io.prometheus.write.v3.Request"},
    "gzip": {"content_encoding": "gzip"},
    "plain": {"content_encoding": "identity"},
}


@pytest.mark.parametrize("named", UNREAD.values(), ids=UNREAD)
async def test_what_nobody_reads_here_is_415(app: Application, recorder: Recorder, named: dict[str, str]) -> None:
    answer = await send(app, snappy.compress(BODIES[V1]), **named)
    assert (answer.status, written(answer), recorder.kept) == (415, (0, 0, 0), [])
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert b"is not read here; send " in answer.body


@pytest.mark.parametrize(("media_type", "write"), [(V1, version_1), (V2, version_2)])
async def test_good_series_are_kept_beside_bad_ones(
    app: Application, recorder: Recorder, media_type: str, write: Any
) -> None:
    answer = await send(app, snappy.compress(write(GOOD[0], BAD, GOOD[1])), media_type)
    assert (answer.status, written(answer)) == (400, (1, 1, 2))
    assert answer.body == (
        b"1 of 3 series rejected, with 2 samples and 0 histograms: series 2: it has no label __name__"
    )
    assert len(recorder.kept) == 1


async def test_nothing_is_handed_on_when_nothing_is_good(app: Application, recorder: Recorder) -> None:
    answer = await send(app, snappy.compress(version_1(BAD)))
    assert (answer.status, written(answer), recorder.kept) == (400, (0, 0, 0), [])


async def test_an_empty_request_is_good(app: Application, recorder: Recorder) -> None:
    answer = await send(app, snappy.compress(b""), V2)
    assert (answer.status, written(answer), recorder.kept) == (204, (0, 0, 0), [])


BROKEN = {
    "not compressed": (BODIES[V1], "cannot be decompressed as snappy"),
    "nothing": (b"", "cannot be decompressed as snappy: it does not begin with a length"),
    "cut short": (snappy.compress(BODIES[V1])[:-1], "cannot be decompressed as snappy"),
    "framed": (b"\xff\x06\x00\x00sNaPpY", "cannot be decompressed as snappy"),
    "a bomb that claims too little": (b"\x05" + snappy.compress(bytes(1000))[2:], "cannot be decompressed"),
    "text": (snappy.compress(b"up 1"), "is not a prometheus.WriteRequest; send it as protobuf"),
    "the other version": (
        snappy.compress(BODIES[V2]),
        f"not a prometheus.WriteRequest; send it with content-type {V2}",
    ),
}


@pytest.mark.parametrize(("raw", "message"), BROKEN.values(), ids=BROKEN)
async def test_what_cannot_be_read_is_400_and_leaves_nothing(
    app: Application, recorder: Recorder, raw: bytes, message: str
) -> None:
    answer = await send(app, raw)
    assert (answer.status, recorder.kept) == (400, [])
    assert message in answer.body.decode()


async def test_a_bomb_is_refused_by_what_it_claims(app: Application, recorder: Recorder) -> None:
    bomb = snappy.compress(bytes(40 * 1024 * 1024))
    assert len(bomb) < 2 * 1024 * 1024
    answer = await send(app, bomb)
    assert (answer.status, recorder.kept) == (413, [])
    assert b"larger than 33554432 bytes after decompression" in answer.body
    lie = await send(app, b"\xff\xff\xff\x0f" + b"x")
    assert (lie.status, b"more than 5 can become" in lie.body) == (400, True)


async def test_a_body_beyond_the_limit_is_refused_on_the_wire(recorder: Recorder) -> None:
    app = remote_write.application(Receiver(recorder, authenticate, InFlight(10_000), limit_bytes=100))
    said = await send(app, bytes(101), content_length="101")
    silent = await send(app, bytes(101))
    assert (said.status, silent.status, recorder.kept) == (413, 413, [])


async def test_a_large_body_is_checked_in_a_thread(app: Application, recorder: Recorder) -> None:
    body = version_1(*[series("up", labels={"n": str(n)}) for n in range(10_000)])
    assert len(body) > 256 * 1024
    answer = await send(app, snappy.compress(body))
    assert (answer.status, written(answer)) == (204, (10_000, 0, 0))
    assert recorder.bodies == [body]


async def test_a_tenant_is_kept_apart(app: Application, recorder: Recorder) -> None:
    await send(app, snappy.compress(BODIES[V1]), x_scope_orgid="team-a")
    assert [tenant for _, _, tenant in recorder.kept] == ["team-a"]


@pytest.mark.parametrize(("key", "status"), [("nobody", 401), ("reader", 403)])
async def test_strangers_are_refused(app: Application, recorder: Recorder, key: str, status: int) -> None:
    answer = await send(app, snappy.compress(BODIES[V1]), authorization=f"Bearer {key}")
    assert (answer.status, recorder.kept) == (status, [])


async def test_overload_is_503_with_retry_after(app: Application, recorder: Recorder) -> None:
    recorder.error = Unavailable("the disk is full", hint="make room", retry_after_seconds=12.2)
    answer = await send(app, snappy.compress(BODIES[V2]), V2)
    assert (answer.status, answer.headers["retry-after"]) == (503, "13")
    assert (answer.body, written(answer)) == (b"the disk is full; make room", (0, 0, 0))


async def test_too_much_at_once_is_503(recorder: Recorder) -> None:
    app = remote_write.application(Receiver(recorder, authenticate, InFlight(limit_bytes=10)))
    assert (await send(app, snappy.compress(BODIES[V1]))).status == 503


async def test_a_bug_of_ours_is_500_and_says_no_more(
    app: Application, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.error = ZeroDivisionError("secret")
    answer = await send(app, snappy.compress(BODIES[V1]))
    assert (answer.status, answer.body) == (500, b"Sonde failed to keep this body; its log says why")
    assert "secret" in caplog.text


async def test_other_methods_and_places(app: Application) -> None:
    assert (await send(app, b"", method="GET")).headers["allow"] == "POST"
    assert (await send(app, b"", path="/other")).status == 404


async def test_who_goes_away_leaves_nothing_behind(app: Application, receiver: Receiver, recorder: Recorder) -> None:
    assert await call(app, "/write", b"part", ends="http.disconnect") is None
    assert (recorder.kept, receiver.in_flight.held_bytes) == ([], 0)


async def test_many_at_once_are_kept_each_once(app: Application, recorder: Recorder) -> None:
    bodies = [version_2(series("up", labels={"n": str(n)})) for n in range(50)]
    await asyncio.gather(*(send(app, snappy.compress(body), V2) for body in bodies))
    assert sorted(recorder.bodies) == sorted(bodies)
