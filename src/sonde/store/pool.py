"""The store for asyncio: each ``Client`` call runs on a worker thread, and is killed when nobody waits for it any more.

Surfaces await these methods. Worker threads each hold a connection, so as many queries run at once as there are
threads; more wait their turn in order.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from sonde.store.client import Client, Limits, Result

_P = ParamSpec("_P")
_T = TypeVar("_T")


class AsyncStore:
    """``Client``'s questions as coroutines."""

    def __init__(self, client: Client, *, threads: int = 4) -> None:
        self._client = client
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="sonde-query")
        self._killers = ThreadPoolExecutor(1, thread_name_prefix="sonde-kill")

    async def query(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        limits: Limits = Limits(),
        query_id: str | None = None,
    ) -> Result:
        """See ``Client.query``."""
        chosen = query_id or uuid.uuid4().hex
        return await self._run(chosen, self._client.query, sql, parameters, limits=limits, query_id=chosen)

    async def query_bytes(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        output_format: str,
        limits: Limits = Limits(),
        query_id: str | None = None,
    ) -> bytes:
        """See ``Client.query_bytes``."""
        chosen = query_id or uuid.uuid4().hex
        return await self._run(
            chosen,
            self._client.query_bytes,
            sql,
            parameters,
            output_format=output_format,
            limits=limits,
            query_id=chosen,
        )

    async def query_untrusted(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        output_format: str,
        settings: Mapping[str, str],
        limits: Limits = Limits(),
        query_id: str | None = None,
    ) -> bytes:
        """See ``Client.query_untrusted``."""
        chosen = query_id or uuid.uuid4().hex
        return await self._run(
            chosen,
            self._client.query_untrusted,
            sql,
            parameters,
            output_format=output_format,
            settings=settings,
            limits=limits,
            query_id=chosen,
        )

    async def stream(
        self,
        sql: str,
        parameters: Mapping[str, object] | None = None,
        *,
        output_format: str,
        limits: Limits = Limits(),
        query_id: str | None = None,
    ) -> AsyncIterator[bytes]:
        """See ``Client.stream``."""
        chosen = query_id or uuid.uuid4().hex
        blocks: Iterator[bytes] = self._client.stream(
            sql, parameters, output_format=output_format, limits=limits, query_id=chosen
        )
        try:
            while (block := await self._run(chosen, next, blocks, b"")) != b"":
                yield block
        finally:
            close = getattr(blocks, "close", None)
            if close is not None:
                await asyncio.get_running_loop().run_in_executor(self._pool, close)

    async def command(self, sql: str, parameters: Mapping[str, object] | None = None) -> None:
        """See ``Client.command``."""
        await asyncio.get_running_loop().run_in_executor(self._pool, self._client.command, sql, parameters)

    async def kill(self, query_id: str) -> bool:
        """See ``Client.kill``."""
        return await asyncio.get_running_loop().run_in_executor(self._killers, self._client.kill, query_id)

    def close(self) -> None:
        """Wait for what runs; the client itself is closed by who made it."""
        self._pool.shutdown(cancel_futures=True)
        self._killers.shutdown()

    async def _run(self, running: str, /, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        future = self._pool.submit(function, *args, **kwargs)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            # not yet begun: it is taken out of the queue; running: the engine is told
            if not future.cancel() and not future.done():
                self._killers.submit(self._client.kill, running)
            raise
