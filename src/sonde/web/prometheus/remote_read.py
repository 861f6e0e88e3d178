"""Remote read: the raw samples that matchers select, for a Prometheus, a Thanos sidecar or another reader of old data.

Answers are what the reader accepts first: SAMPLES, one snappy block with a ``ReadResponse``; or STREAMED_XOR_CHUNKS, a
frame for each series with its samples as the chunks of Prometheus' store, written while it is sent.

Specification: https://prometheus.io/docs/prometheus/latest/querying/remote_read_api/
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from fastapi import Request, Response
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from starlette.responses import StreamingResponse

from sonde.errors import TooLarge, UserError
from sonde.query.promql.clickhouse.storage import ClickHouseStorage
from sonde.query.promql.histogram.wire import wire_histogram
from sonde.query.promql.series import Floats, Integers, Samples, holds_histogram
from sonde.query.promql.storage import Leaf, Storage
from sonde.receivers import snappy
from sonde.receivers.prometheus.messages import Chunk as WireChunk
from sonde.receivers.prometheus.messages import ReadRequest, TimeSeries
from sonde.receivers.protobuf import varint
from sonde.telemetry.matcher import Matcher, Operator
from sonde.web.asking import Around, Reader
from sonde.web.prometheus.answer import allowed, allowed_seconds, router, within
from sonde.web.prometheus.chunks import Chunk, float_chunks, histogram_chunks
from sonde.web.prometheus.crc32c import crc32c
from sonde.web.prometheus.errors import of_query

MOST_BYTES: Final = 1 << 20
"""Of a request, without its compression."""

_SAMPLES: Final = 0
_CHUNKS: Final = 1
_STREAM: Final = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"
_FRAME_BYTES: Final = 1 << 20
"""About so much of a series goes into one frame."""
_OPERATORS: Final[tuple[Operator, ...]] = ("=", "!=", "=~", "!~")
_SIX_BYTES: Final = 1 << 42  # milliseconds below that are varints of at most six bytes
_FIRST_MILLI: Final = -2_208_988_800_000  # 1900 and 2261: the store has nothing before and after
_LAST_MILLI: Final = 9_200_000_000_000
routes = router()


@routes.post("/read", include_in_schema=False)
async def read(request: Request, caller: Reader, around: Around) -> Response:
    """The samples of each query's series, from its start to its end."""
    leaves, kind = parse_request(snappy.decompress(await _body(request), MOST_BYTES))
    limits = allowed(around, allowed_seconds(around))
    storage = ClickHouseStorage(around.store, caller.tenant, limits)
    try:
        found = await within(request, caller, lambda: _fetched(storage, leaves), seconds=limits.seconds)
    except UserError as error:
        raise of_query(error) from error
    if kind == _CHUNKS:
        return StreamingResponse(frames(found), headers={"content-type": _STREAM})
    body = await asyncio.to_thread(lambda: snappy.compress(encode(found)))
    return Response(body, headers={"content-type": "application/x-protobuf", "content-encoding": "snappy"})


def parse_request(raw: bytes) -> tuple[list[Leaf], int]:
    """The leaves that a serialized ``ReadRequest`` asks for, in its order; and the type of the answer.

    Raises:
        UserError: It cannot be read, or accepts no answer that is given here.
    """
    try:
        asked = ReadRequest.FromString(raw)
    except DecodeError:
        raise UserError("the body is not a prometheus.ReadRequest", code="remote_read.malformed") from None
    accepted = list(asked.accepted_response_types) or [_SAMPLES]
    kind = next((known for known in accepted if known in (_SAMPLES, _CHUNKS)), None)
    if kind is None:
        raise UserError(
            f"server does not support any of the requested response types: {accepted}; "
            "supported: map[SAMPLES:{} STREAMED_XOR_CHUNKS:{}]",
            code="remote_read.response_type",
            hint="accept SAMPLES too",
        )
    leaves = [
        Leaf(
            tuple(map(_matcher, query.matchers)),
            max(query.start_timestamp_ms, _FIRST_MILLI) - 1,
            min(query.end_timestamp_ms, _LAST_MILLI),
        )
        for query in asked.queries
    ]
    return leaves, kind


def encode(results: Iterable[Samples]) -> bytes:
    """Write a ``ReadResponse``: one result for each query."""
    return b"".join(_field(1, b"".join(_field(1, series) for series in _series(samples))) for samples in results)


def frames(results: Iterable[Samples]) -> Iterator[bytes]:
    """Each series in a frame of its own: a ``ChunkedReadResponse`` behind its length and its checksum."""
    for place, samples in enumerate(results):
        for labels, chunks in zip(samples.labels, _chunked(samples), strict=True):
            series = TimeSeries()
            for name, value in labels:
                series.labels.add(name=name, value=value)
            head, part, size = bytes(series.SerializeToString()), [], 0
            for chunk in chunks:
                part.append(_wire_chunk(chunk))
                size += len(chunk.data)
                if size >= _FRAME_BYTES:
                    yield _frame(head, part, place)
                    part, size = [], 0
            if part:
                yield _frame(head, part, place)


def _chunked(samples: Samples) -> Iterator[list[Chunk]]:
    """The chunks of each series, by their times."""
    if samples.histograms is None:
        yield from float_chunks(samples.times, samples.values, samples.offsets)
        return
    held = holds_histogram(samples.histograms)
    counts = np.concatenate([[0], np.cumsum(~held)])
    floats = float_chunks(samples.times[~held], samples.values[~held], counts[samples.offsets])
    offsets = samples.offsets.tolist()
    for row, chunks in enumerate(floats):
        part = slice(offsets[row], offsets[row + 1])
        natives = histogram_chunks(samples.times[part][held[part]], samples.histograms[part][held[part]].tolist())
        yield sorted([*chunks, *natives], key=lambda chunk: chunk.first)


def _wire_chunk(chunk: Chunk) -> bytes:
    written = WireChunk(min_time_ms=chunk.first, max_time_ms=chunk.last, type=chunk.type, data=chunk.data)
    return _field(2, bytes(written.SerializeToString()))


def _frame(head: bytes, chunks: list[bytes], query: int) -> bytes:
    body = _field(1, head + b"".join(chunks))
    if query:
        body += bytes((2 << 3,)) + varint(query)
    return varint(len(body)) + crc32c(body).to_bytes(4) + body


def wire_samples(values: Floats, times: Integers) -> bytes:
    """Samples as the field of a series, all at once: each has the same number of bytes.

    >>> wire_samples(np.array([1.0]), np.array([1500])).hex(" ")
    '12 10 09 00 00 00 00 00 00 f0 3f 10 dc 8b 80 80 80 00'
    """
    width = 6 if not len(times) or (times.min() >= 0 and times.max() < _SIX_BYTES) else 10
    fields = [("head", "u1", (3,)), ("value", "<f8"), ("tag", "u1"), ("time", "u1", (width,))]
    rows = np.zeros(len(times), dtype=np.dtype(fields))
    rows["head"], rows["value"], rows["tag"] = (0x12, 10 + width, 0x09), values, 0x10
    rows["time"] = _varints(times, width)
    return rows.tobytes()


async def _body(request: Request) -> bytes:
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > MOST_BYTES:
            raise TooLarge(f"a remote read request has at most {MOST_BYTES} bytes", code="body.too_large")
    return bytes(parts)


async def _fetched(storage: Storage, leaves: list[Leaf]) -> list[Samples]:
    found = [await storage.fetch(leaf) for leaf in leaves]
    if not all(isinstance(samples, Samples) for samples in found):
        raise TypeError("a leaf without a window is answered by samples")
    return [samples for samples in found if isinstance(samples, Samples)]


def _matcher(asked: Any) -> Matcher:
    if asked.type not in range(len(_OPERATORS)):
        raise UserError(f"matcher type {asked.type} is not known", code="remote_read.matcher")
    return Matcher(asked.name, _OPERATORS[asked.type], asked.value)


def _series(samples: Samples) -> Iterable[bytes]:
    offsets = samples.offsets.tolist()
    for row, labels in enumerate(samples.labels):
        begin, end = offsets[row], offsets[row + 1]
        series = TimeSeries()
        for name, value in labels:
            series.labels.add(name=name, value=value)
        values, times = samples.values[begin:end], samples.times[begin:end]
        if samples.histograms is not None:
            objects = samples.histograms[begin:end]
            are_numbers = np.fromiter((each is None for each in objects), np.bool_, len(objects))
            for place in np.flatnonzero(~are_numbers).tolist():
                series.histograms.append(wire_histogram(objects[place], int(times[place])))
            values, times = values[are_numbers], times[are_numbers]
        yield bytes(series.SerializeToString()) + wire_samples(values, times)


def _varints(numbers: Integers, width: int) -> NDArray[np.uint8]:
    """Numbers in base 128, in so many bytes each; a reader does not mind zeros at the end."""
    shifts = np.arange(width, dtype=np.uint64) * np.uint64(7)
    digits = (numbers.view(np.uint64)[:, None] >> shifts) & np.uint64(0x7F)
    digits[:, :-1] |= np.uint64(0x80)
    return digits.astype(np.uint8)


def _field(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + varint(len(content)) + content
