"""One request's way to an answer in Prometheus' envelope, and what the endpoints of this room are given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from sonde.errors import Conflict
from sonde.query.promql.query import Limits
from sonde.web.asking import query_id_of, stoppable
from sonde.web.auth import Caller
from sonde.web.prometheus import json
from sonde.web.prometheus.errors import CANCELLED, TIMED_OUT, QueryCancelled, QueryTimeout, Route
from sonde.web.surroundings import Surroundings

MAX_ANNOTATIONS: Final = 10
TRUNCATED: Final = "results truncated due to limit"
_CHUNK_CHARACTERS: Final = 512 << 10
_T = TypeVar("_T")
Endpoint = Callable[..., Coroutine[Any, Any, Response]]


def router() -> APIRouter:
    """A router whose refusals are Prometheus'."""
    return APIRouter(tags=["prometheus"], route_class=Route)


def get_and_post(routes: APIRouter, path: str) -> Callable[[Endpoint], Endpoint]:
    """Declare an endpoint that takes its parameters from the address, or from a form."""

    def declare(endpoint: Endpoint) -> Endpoint:
        routes.add_api_route(path, endpoint, methods=["GET"])
        routes.add_api_route(path, endpoint, methods=["POST"], include_in_schema=False)
        return endpoint

    return declare


@dataclass(frozen=True, slots=True)
class Listing:
    """An array whose elements are written one after the other, inside ``head`` and ``tail``."""

    elements: Iterable[str]
    head: str = "["
    tail: str = "]"


def success(data: Any, *, warnings: Sequence[str] = (), infos: Sequence[str] = (), sort_keys: bool = False) -> Response:
    """Data in the envelope, with at most ten warnings and ten infos."""
    body = f'{{"status":"success","data":{json.written(data, sort_keys=sort_keys)}{_annotated(warnings, infos)}}}'
    return Response(json.encoded(body), media_type="application/json")


def success_listing(listing: Listing, *, warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> Response:
    """A long array in the envelope. What does not fit into one piece is written while it is sent, beside the loop."""
    pieces = _pieces(listing, _annotated(warnings, infos))
    first = next(pieces)
    second = next(pieces, None)
    if second is None:
        return Response(first, media_type="application/json")

    def rest() -> Iterator[bytes]:
        yield first
        yield second
        yield from pieces

    return StreamingResponse(rest(), media_type="application/json")


def allowed_seconds(around: Surroundings) -> float:
    """How long a query may take."""
    return around.limits.execution_seconds or Limits().seconds


def allowed(around: Surroundings, seconds: float) -> Limits:
    """What a query may cost that may take so long."""
    return Limits.within(around.limits.memory_bytes, seconds)


def nothing() -> Response:
    """Done, and there is nothing to say."""
    return Response(status_code=204)


async def within(
    request: Request, caller: Caller, work: Callable[[], Coroutine[Any, Any, _T]], *, seconds: float | None = None
) -> _T:
    """Await a query's work unless its client goes away, someone stops it, or its time is over.

    Raises:
        QueryTimeout: it took longer than ``seconds``.
        QueryCancelled: it was stopped.
    """
    query_id = query_id_of(request)
    try:
        async with asyncio.timeout(seconds):
            return await stoppable(request, caller, query_id, work())
    except TimeoutError:
        raise QueryTimeout(TIMED_OUT) from None
    except Conflict as error:
        if error.code != "query_cancelled":
            raise
        raise QueryCancelled(CANCELLED) from None


def _pieces(listing: Listing, tail: str) -> Iterator[bytes]:
    parts, size, separator = [f'{{"status":"success","data":{listing.head}'], 0, ""
    for element in listing.elements:
        parts += (separator, element)
        size += len(element)
        separator = ","
        if size >= _CHUNK_CHARACTERS:
            yield json.encoded("".join(parts))
            parts, size = [], 0
    parts.append(f"{listing.tail}{tail}}}")
    yield json.encoded("".join(parts))


def _annotated(warnings: Sequence[str], infos: Sequence[str]) -> str:
    parts = []
    for name, kind, texts in (("warnings", "warning", warnings), ("infos", "info", infos)):
        if not texts:
            continue
        shown = list(texts[:MAX_ANNOTATIONS])
        if len(texts) > MAX_ANNOTATIONS:
            shown.append(f"{len(texts) - MAX_ANNOTATIONS} more {kind} annotations omitted")
        parts.append(f',"{name}":{json.written(shown)}')
    return "".join(parts)
