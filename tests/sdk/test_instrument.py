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
        ("sys", "sonde.instrument()", ""),
        ("fastapi", "sonde.instrument()", ""),
        ("sys", "", "sonde.instrument()"),
        ("sys", "", "assert sonde.instrument(app) is app"),
        ("sys", "sonde.instrument(); sonde.instrument()", "sonde.instrument(app)"),
    ],
    ids=["before all imports", "after the import", "after the app was made", "the app given", "again and again"],
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
    (duration,) = [metric for metric in sink.metrics if metric.name == "http.server.request.duration"]
    assert duration.item.histogram.data_points[0].count == 2


SQLALCHEMY = """
    import sonde
    handle = sonde.configure(service="shop", console=False)
    sonde.instrument()
    import sqlalchemy
    engine = sqlalchemy.create_engine("sqlite://")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("select 1"))
    assert handle.flush(10)
"""


def test_a_sqlalchemy_query_is_a_span(python, sink):
    done = python(SQLALCHEMY)
    assert done.code == 0, done.err
    (query,) = [span for span in sink.spans if span.attributes.get("db.query.text") == "select 1"]
    assert query.attributes["db.system.name"] == "sqlite"
