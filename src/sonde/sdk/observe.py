"""``@sonde.observe``: a span for each call of a function, whether plain, async, or a generator of either kind.

A generator's span is current while the generator works, not while its consumer does, and ends with the generator.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import Any, ParamSpec, TypeVar, overload

from opentelemetry import trace
from opentelemetry.util.types import AttributeValue

_tracer = trace.get_tracer("sonde.observe")

P = ParamSpec("P")
R = TypeVar("R")


@overload
def observe(function: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def observe(
    *, name: str | None = None, attributes: Mapping[str, AttributeValue] | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def observe(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    attributes: Mapping[str, AttributeValue] | None = None,
) -> Callable[..., Any]:
    """Give each call of a function a span of its own; an exception marks it as failed and goes on.

        @sonde.observe
        def rank(candidates): ...

        @sonde.observe(name="create_goal", attributes={"team": "coach"})
        async def create_goal(text): ...

    Args:
        function: what to observe.
        name: of the span; else the function's qualified name.
        attributes: of every span.
    """

    def decorate(inner: Callable[..., Any]) -> Callable[..., Any]:
        title = name or inner.__qualname__
        fixed = {"code.function.name": f"{inner.__module__}.{inner.__qualname__}", **(attributes or {})}
        return _wrap(inner, title, fixed)

    return decorate if function is None else decorate(function)


def _wrap(inner: Callable[..., Any], title: str, attributes: Mapping[str, AttributeValue]) -> Callable[..., Any]:
    for is_kind, wrap in _KINDS:
        if is_kind(inner):
            return wrap(inner, title, attributes)
    return _plain(inner, title, attributes)


def _plain(inner: Callable[..., Any], title: str, attributes: Mapping[str, AttributeValue]) -> Callable[..., Any]:
    @functools.wraps(inner)
    def plain(*args: Any, **kwargs: Any) -> Any:
        with _tracer.start_as_current_span(title, attributes=attributes):
            return inner(*args, **kwargs)

    return plain


def _coroutine(inner: Callable[..., Any], title: str, attributes: Mapping[str, AttributeValue]) -> Callable[..., Any]:
    @functools.wraps(inner)
    async def coroutine(*args: Any, **kwargs: Any) -> Any:
        with _tracer.start_as_current_span(title, attributes=attributes):
            return await inner(*args, **kwargs)

    return coroutine


def _generator(inner: Callable[..., Any], title: str, attributes: Mapping[str, AttributeValue]) -> Callable[..., Any]:
    @functools.wraps(inner)
    def generator(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        span = _tracer.start_span(title, attributes=attributes)
        items = inner(*args, **kwargs)
        step = functools.partial(next, items)
        try:
            while True:
                with trace.use_span(span):
                    try:
                        item = step()
                    except StopIteration as stop:
                        return stop.value
                try:
                    sent = yield item
                except GeneratorExit:
                    items.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - thrown in by the consumer, for the generator to see
                    step = functools.partial(items.throw, error)
                else:
                    step = functools.partial(items.send, sent)
        finally:
            span.end()

    return generator


def _async_generator(
    inner: Callable[..., Any], title: str, attributes: Mapping[str, AttributeValue]
) -> Callable[..., Any]:
    @functools.wraps(inner)
    async def async_generator(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        span = _tracer.start_span(title, attributes=attributes)
        items = inner(*args, **kwargs)
        step = functools.partial(anext, items)
        try:
            while True:
                with trace.use_span(span):
                    try:
                        item = await step()
                    except StopAsyncIteration:
                        return
                try:
                    sent = yield item
                except GeneratorExit:
                    await items.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - thrown in by the consumer, for the generator to see
                    step = functools.partial(items.athrow, error)
                else:
                    step = functools.partial(items.asend, sent)
        finally:
            span.end()

    return async_generator


_KINDS = (
    (inspect.iscoroutinefunction, _coroutine),
    (inspect.isasyncgenfunction, _async_generator),
    (inspect.isgeneratorfunction, _generator),
)
