"""``sonde.instrument``: what libraries do becomes spans, once each, whatever the order of imports.

Instrumentations change their libraries for the whole process, so each test has a Python of its own.
"""

from __future__ import annotations

import pytest

FASTAPI = """
    import {first}
    import sonde
    handle = sonde.configure(service="shop", console=False)
    {before}
    from fastapi import FastAPI
    app = FastAPI()

    @app.get("/items/{{item}}")
    async def read(item: str):
        sonde.bind(user_id="ada")
        sonde.get_logger("shop").info("read", item=item)
        return {{"item": item}}

    {after}
    from starlette.testclient import TestClient
    with TestClient(app) as client:
        answer = client.get("/items/7", headers={{"x-request-id": "r-1"}})
        assert answer.status_code == 200
        assert answer.headers["x-request-id"] == "r-1", answer.headers
        client.get("/items/8")
    assert handle.flush(10)
"""


@pytest.mark.parametrize(
    ("first", "before", "after"),
    [
        ("sys", "sonde.instrument(); sonde.instrument()", ""),
        ("fastapi", "", "sonde.instrument()"),
        ("sys", "sonde.instrument()", "assert sonde.instrument(app) is app"),
    ],
    ids=["before all imports", "after the app was made", "and with the app given"],
)
def test_a_fastapi_request_is_one_server_span(python, sink, first, before, after):
    done = python(FASTAPI.format(first=first, before=before, after=after))
    assert done.code == 0, done.err
    spans = [span for span in sink.spans if span.name == "GET /items/{item}"]
    assert len(sink.spans) == len(spans) == 2, [span.name for span in sink.spans]
    attributes = spans[0].attributes
    assert attributes["http.request.method"] == "GET"
    assert attributes["http.response.status_code"] == 200
    assert attributes["http.route"] == "/items/{item}"
    assert attributes["request_id"] == "r-1"
    assert attributes["user.id"] == "ada"
    assert spans[1].attributes["request_id"] != "r-1"
    record = next(record for record in sink.logs if record.attributes.get("item") == "7")
    assert record.attributes == {"item": "7", "user_id": "ada", "request_id": "r-1"}
    assert record.item.trace_id == spans[0].item.trace_id
    duration = [metric for metric in sink.metrics if metric.name == "http.server.request.duration"][-1]
    assert duration.item.histogram.data_points[0].count == 2


LIBRARIES = """
    import json, threading
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    import sonde
    handle = sonde.configure(service="shop", console=False)
    sonde.instrument()

    COMPLETION = {
        "id": "c1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "blue"}}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12,
                  "prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 1}},
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.dumps(COMPLETION).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        do_GET = do_POST
        def log_message(self, *_): pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"

    import httpx, openai, redis, requests, sqlalchemy
    httpx.get(f"{url}/by-httpx?token=abc123def")
    requests.get(f"{url}/by-requests")
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("select 1"))
    try:
        redis.Redis(port=1, retry=None).get("k")
    except redis.RedisError:
        pass
    client = openai.OpenAI(api_key="sk-none", base_url=url, max_retries=0)
    ask = lambda: client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "sky?"}])
    sonde.bind(user_id="ada", session_id="s-1")
    ask()
    with sonde.llm_call(model="gpt-4o-mini", provider="openai", function="answer") as call:
        ask()
    assert handle.flush(10)
    assert handle.flush(10)
"""


def test_libraries_are_traced_once_each_and_our_own_exports_never(python, sink):
    done = python(LIBRARIES)
    assert done.code == 0, done.err
    by_text = {span.attributes.get("db.query.text"): span for span in sink.spans}
    assert by_text["select 1"].attributes["db.system.name"] == "sqlite"
    assert by_text["GET ?"].item.status.code == 2
    urls = [url for span in sink.spans if (url := span.attributes.get("url.full")) and "by-" in url]
    assert [url.rpartition("/")[2] for url in urls] == ["by-httpx?token=[redacted]", "by-requests"]
    assert not [span for span in sink.spans if "/v1/" in span.attributes.get("url.full", "")]
    alone, within = [span for span in sink.spans if span.name == "chat gpt-4o-mini"]
    for span in (alone, within):
        assert span.attributes["gen_ai.response.model"] == "gpt-4o-mini-2024-07-18"
        assert span.attributes["gen_ai.usage.input_tokens"] == 9
        assert span.attributes["gen_ai.usage.output_tokens"] == 3
        assert span.attributes["gen_ai.usage.cache_read.input_tokens"] == 4
        assert "sky?" in span.attributes["gen_ai.input.messages"]
        assert "blue" in span.attributes["gen_ai.output.messages"]
        assert (span.attributes["user.id"], span.attributes["session.id"]) == ("ada", "s-1")
    assert within.attributes["sonde.function"] == "answer"


PLAIN = """
    import sys, types
    sys.modules["opentelemetry.instrumentation.httpx"] = None
    sys.modules["openinference.instrumentation.openai"] = types.ModuleType("rival")
    import sonde
    handle = sonde.configure(service="shop")
    sonde.instrument()
    import httpx, openai
    from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
    assert not OpenAIInstrumentor().is_instrumented_by_opentelemetry

    async def app(scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})

    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from starlette.testclient import TestClient

    def fail(request):
        raise LookupError("no such goal")

    started = Starlette(routes=[Route("/hello/{name}", lambda request: PlainTextResponse("hi")), Route("/fail", fail)])
    for served, path in ((sonde.instrument(app), "/raw"), (started, "/hello/ada"), (started, "/fail")):
        answer = TestClient(served, raise_server_exceptions=False).get(path)
        assert len(answer.headers.get("x-request-id", "")) == 32
    assert sonde.instrument("no app") == "no app"
    handle.flush(10)
"""


def test_other_asgi_applications_a_missing_package_and_a_rival(python, sink):
    done = python(PLAIN)
    assert done.code == 0, done.err
    names = [span.name for span in sink.spans]
    assert names == ["GET /raw", "GET /hello/{name}", "GET /fail"]
    assert sink.spans[2].attributes["http.response.status_code"] == 500
    (failure,) = sink.spans[2].item.events
    assert "no such goal" in str(failure)
    said = [line["message"] for line in done.lines if line["logger"] == "sonde.sdk"]
    assert "openai is left to openinference.instrumentation.openai, which traces it already" in said
    assert said.count("httpx is in use but not traced: pip install 'sonde[instrument]'") == 1
