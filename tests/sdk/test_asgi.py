"""The ASGI part alone: request ids, context that ends with the request, and a flush when the server stops."""

from __future__ import annotations

import pytest

from sonde.sdk.asgi import RequestContext
from sonde.sdk.context import bind, current

pytestmark = pytest.mark.usefixtures("clean_process")


async def call(app, scope):
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request"}

    await app(scope, receive, send)
    return sent


def http(*headers):
    return {"type": "http", "headers": list(headers)}


async def echo(scope, receive, send):
    bind(user_id="ada")
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"seen", str(current()["request_id"]).encode())]}
    )
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize("name", [b"x-request-id", b"x-correlation-id"])
async def test_an_id_that_comes_in_goes_out(name):
    start, _ = await call(RequestContext(echo, lambda: None), http((name, b"r-1")))
    assert start["headers"] == [(b"seen", b"r-1"), (b"x-request-id", b"r-1")]


@pytest.mark.parametrize("value", [b"", b"x" * 129, b"line\nbreak", b"\xff\xfe", b"with space"])
async def test_an_id_that_could_do_harm_is_replaced(value):
    start, _ = await call(RequestContext(echo, lambda: None), http((b"x-request-id", value)))
    made = dict(start["headers"])[b"x-request-id"]
    assert len(made) == 32
    assert made != value


async def test_a_mounted_application_belongs_to_the_same_request():
    outer = RequestContext(RequestContext(echo, lambda: None), lambda: None)
    start, _ = await call(outer, http())
    seen, *given = [value for name, value in start["headers"]]
    assert given == [seen]


async def test_an_applications_own_header_stays():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": [(b"X-Request-ID", b"mine")]})

    (start,) = await call(RequestContext(app, lambda: None), http())
    assert start["headers"] == [(b"X-Request-ID", b"mine")]


async def test_what_a_request_binds_ends_with_it_also_when_it_fails():
    async def app(scope, receive, send):
        bind(user_id="ada")
        raise LookupError

    with pytest.raises(LookupError):
        await call(RequestContext(app, lambda: None), http())
    assert dict(current()) == {}


async def test_the_end_of_the_application_flushes_before_the_server_goes():
    order = []

    async def app(scope, receive, send):
        await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    sent = await call(RequestContext(app, lambda: order.append("flushed")), {"type": "lifespan"})
    assert order == ["flushed"]
    assert len(sent) == 2
