"""One request's way to an answer: who asks, for which time range, and what happens when they go away.

Routers declare ``Reader`` or another caller and return ``answered(...)``; parameters of all pages are read here once.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Coroutine, Iterator, Mapping
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Query, Request, Response
from starlette.responses import JSONResponse

from sonde.errors import Conflict, NotFound, Unauthorized, UserError
from sonde.query.attribute_filter import MAX_FILTERS, AttributeFilter, parse_filter
from sonde.query.engine import Inquiry
from sonde.query.window import TimeRange, parse_range
from sonde.state.api_keys import EVERY_TENANT
from sonde.state.sessions import find_session
from sonde.telemetry.tenancy import Role
from sonde.web.auth import Caller, presented_secret, require_same_origin, session_cookie
from sonde.web.surroundings import Surroundings

QUERY_ID_HEADER: Final = "x-sonde-query-id"
_MAX_QUERY_ID: Final = 100
_T = TypeVar("_T")


class RunningQueries:
    """The requests that are being answered, by tenant and query id, so that another request can stop one."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[str, str], asyncio.Task[Any]] = {}

    @contextlib.contextmanager
    def registered(self, tenant: str, query_id: str, task: asyncio.Task[Any]) -> Iterator[None]:
        """Known while the block runs. Raises ``Conflict`` when the tenant runs another query of this id."""
        place = (tenant, query_id)
        if place in self._tasks:
            task.cancel()
            raise Conflict(f"a query {query_id} is running already", code="query_id_taken")
        self._tasks[place] = task
        try:
            yield
        finally:
            del self._tasks[place]

    def cancel(self, tenant: str, query_id: str) -> None:
        """Stop a query. Raises ``NotFound`` when the tenant runs none of this id."""
        task = self._tasks.get((tenant, query_id))
        if task is None:
            raise NotFound(f"no query {query_id} is running", code="query_not_found", hint="it may be finished already")
        task.cancel()


def surroundings(request: Request) -> Surroundings:
    """What ``create_app`` was given."""
    given: Surroundings = request.app.state.surroundings
    return given


def peer(request: Request) -> str:
    """The address a request comes from."""
    return request.client.host if request.client else "unknown"


async def sql_caller(request: Request) -> Caller:
    """Who asks; tenant ``*`` is let through for those who may see all."""
    return await identify(request, request.headers)


async def identify(request: Request, headers: Mapping[str, str]) -> Caller:
    """Who sent these headers, or has this session. Raises ``Unauthorized``, later and later to who keeps guessing."""
    around = surroundings(request)
    session = None
    cookie = session_cookie(headers)
    if cookie and not presented_secret(headers):
        key_id = await asyncio.to_thread(find_session, around.state, cookie, now=around.now_nano() / 1e9)
        session = around.keyring.by_id(key_id) if key_id else None
    try:
        caller = around.authenticator.caller(headers, peer=peer(request), session=session)
    except Unauthorized:
        await asyncio.sleep(around.authenticator.delay_seconds(peer(request)))
        raise
    if caller.by_cookie:
        require_same_origin(request.method, headers)
    return caller


async def any_caller(caller: Annotated[Caller, Depends(sql_caller)]) -> Caller:
    """Who asks, for one tenant."""
    if caller.tenant == EVERY_TENANT:
        raise UserError(
            "this needs one tenant", code="bad_tenant", hint="name it in X-Scope-OrgID; only SQL knows tenant *"
        )
    return caller


async def reader(caller: Annotated[Caller, Depends(any_caller)]) -> Caller:
    """Who asks, when they may read."""
    caller.require(Role.READ)
    return caller


async def sql_reader(caller: Annotated[Caller, Depends(sql_caller)]) -> Caller:
    """Who asks with SQL, when they may read."""
    caller.require(Role.READ)
    return caller


Around = Annotated[Surroundings, Depends(surroundings)]
Sender = Annotated[Caller, Depends(any_caller)]
Reader = Annotated[Caller, Depends(reader)]
SqlReader = Annotated[Caller, Depends(sql_reader)]


async def time_range(
    around: Around,
    start: Annotated[str | None, Query(description="Unix seconds, RFC 3339, or now-1h; an hour before end")] = None,
    end: Annotated[str | None, Query(description="Unix seconds, RFC 3339, or now; now")] = None,
) -> TimeRange:
    """The time range of a request; without one, the last hour."""
    return parse_range(start, end, now_nano=around.now_nano())


async def inquiry(around: Around) -> Inquiry:
    """A fresh inquiry on the store."""
    return Inquiry(around.store, around.limits)


async def attribute_filters(
    attribute: Annotated[
        list[str], Query(description="key=value, with = != > >= < <= =~ !~; scopes resource. and span. or log.; repeat")
    ] = [],  # noqa: B006 - FastAPI's way to say "none given"
) -> tuple[AttributeFilter, ...]:
    """The attribute filters of a request."""
    if len(attribute) > MAX_FILTERS:
        raise UserError(f"more than {MAX_FILTERS} attribute filters", code="too_many_filters")
    return tuple(map(parse_filter, attribute))


Window = Annotated[TimeRange, Depends(time_range)]
Asked = Annotated[Inquiry, Depends(inquiry)]
Attributes = Annotated[tuple[AttributeFilter, ...], Depends(attribute_filters)]


async def answered(
    request: Request, caller: Caller, work: Coroutine[Any, Any, Mapping[str, Any]], *, query_id: str | None = None
) -> Response:
    """The work's result as JSON. The work is stopped when the client goes away, or by ``DELETE /queries/{id}``."""
    query_id = query_id or query_id_of(request)
    result = await stoppable(request, caller, query_id, work)
    return JSONResponse(result, headers={QUERY_ID_HEADER: query_id})


def query_id_of(request: Request) -> str:
    """The id that the client gave its query, else a new one."""
    return checked_query_id(request.headers.get(QUERY_ID_HEADER, "")) or secrets.token_hex(8)


def checked_query_id(given: str) -> str:
    """The id as it is. Raises ``UserError`` for one that is too long or cannot be printed."""
    if len(given) > _MAX_QUERY_ID or not given.isprintable():
        raise UserError("the query id is too long or not printable", code="bad_query_id")
    return given


def id_in_store(caller: Caller, query_id: str) -> str:
    """The id under which the store knows a query: nobody can name, and so stop, a query of another tenant."""
    return f"{caller.tenant}/{query_id}"


async def stoppable(request: Request, caller: Caller, query_id: str, work: Coroutine[Any, Any, _T]) -> _T:
    """Await the work unless it is stopped. Raises ``Conflict`` then."""
    queries: RunningQueries = request.app.state.queries
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        with queries.registered(caller.tenant, query_id, task):
            await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
    finally:
        task.cancel()
        gone.cancel()
    if task.cancelled():
        raise Conflict("the query was cancelled", code="query_cancelled")
    return task.result()


async def _disconnected(request: Request) -> None:
    """Returns when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
