"""The own API in one place: the shape of errors, limits, cancellation, live logs, feedback, sessions, SQL, health."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from store_rows import NOW, insert_llm_calls, insert_logs, insert_spans

from sonde.state.audit_log import AuditEntry, record
from sonde.telemetry.signal import Signal
from sonde.telemetry.tenancy import Role
from sonde.web.api import logs as logs_api

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
EVERYTHING = {"start": "0", "end": str(NOW // 10**9 + 3600)}


@pytest.fixture(scope="module")
def telemetry(client: Any) -> None:
    insert_spans(
        client,
        [
            {"trace_id": TRACE, "span_id": SPAN, "service": "shop", "name": "chat gpt", "start": NOW, "attributes": {"gen_ai.request.model": "gpt"}},
            {"trace_id": "ee" * 16, "span_id": SPAN, "service": "shop", "name": "theirs", "start": NOW, "tenant": "other"},
        ],
    )  # fmt: skip
    insert_logs(client, [{"time": NOW, "body": "hello", "trace_id": TRACE, "span_id": SPAN, "level": "error"}])
    insert_llm_calls(client, [{"ts": NOW, "trace_id": TRACE, "span_id": SPAN}])


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/overview", {"window", "services", "llm", "errors", "stats"}),
        ("/services", {"services", "stats"}),
        ("/traces", {"traces", "next_cursor", "stats"}),
        (
            f"/traces/{TRACE}",
            {"trace_id", "start_unix_nano", "duration_nano", "spans", "logs", "scores", "truncated", "stats"},
        ),
        ("/logs", {"records", "next_cursor", "stats"}),
        ("/logs/histogram", {"step_seconds", "times", "levels", "stats"}),
        ("/llm/calls", {"calls", "next_cursor", "stats"}),
        (f"/llm/calls/{TRACE}/{SPAN}", {"call", "messages", "scores", "stats"}),
        ("/llm/summary", {"step_seconds", "times", "groups", "totals", "stats"}),
        ("/attributes?signal=logs", {"keys", "stats"}),
        ("/attributes/values?scope=span&key=k", {"values", "stats"}),
        ("/status", {"version", "tenant", "uptime_seconds", "ingest", "disk", "messages", "tables"}),
        ("/session", {"authenticated", "required", "tenant", "role"}),
    ],
)
async def test_every_page_has_its_answer(http: httpx.AsyncClient, telemetry: None, path: str, keys: set[str]) -> None:
    answer = await http.get(httpx.URL(f"/api/v1{path}").copy_merge_params(EVERYTHING))

    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == keys


async def test_one_llm_call_has_its_messages_and_feedback(http: httpx.AsyncClient, client: Any) -> None:
    trace, span = "5a" * 16, "5b" * 8
    said = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "why?"}]}])
    insert_spans(
        client,
        [
            {
                "tenant": "llm", "trace_id": trace, "span_id": span, "service": "shop", "name": "chat gpt", "start": NOW, "duration_nano": 5,
                "attributes": {"gen_ai.operation.name": "chat", "gen_ai.input.messages": said},
            }
        ],
    )  # fmt: skip
    insert_llm_calls(client, [{"tenant": "llm", "ts": NOW, "trace_id": trace, "span_id": span, "cost_usd": None}])
    insert_logs(
        client,
        [
            {
                "tenant": "llm", "time": NOW + 10**9, "trace_id": trace, "event_name": "sonde.feedback", "body": "feedback",
                "attributes": {"sonde.feedback.rating": 1, "sonde.feedback.score_id": "s-1", "sonde.feedback.comment": "good"},
            }
        ],
    )  # fmt: skip

    answer = (await http.get(f"/api/v1/llm/calls/{trace}/{span}", headers={"x-scope-orgid": "llm"})).json()

    assert answer["messages"]["input"] == [{"role": "user", "parts": [{"type": "text", "content": "why?"}]}]
    assert answer["call"]["cost_usd"] is None
    assert [(score["score_id"], score["value"], score["comment"]) for score in answer["scores"]] == [
        ("s-1", 1.0, "good")
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nothing", None, 404, "not_found"),
        ("POST", "/traces", None, 405, "method_not_allowed"),
        ("GET", "/traces/xyz", None, 400, "bad_trace_id"),
        ("GET", f"/traces/{'ab' * 16}", None, 404, "trace_not_found"),
        ("GET", f"/llm/calls/{TRACE}/{'1' * 16}", None, 404, "llm_call_not_found"),
        ("GET", "/traces?start=yesterday", None, 400, "bad_time"),
        ("GET", "/traces?start=now&end=now-1h", None, 400, "bad_time_range"),
        ("GET", "/traces?limit=0", None, 400, "bad_parameter"),
        ("GET", "/traces?limit=1001", None, 400, "bad_parameter"),
        ("GET", "/traces?limit=many", None, 400, "bad_parameter"),
        ("GET", "/traces?status=broken", None, 400, "bad_parameter"),
        ("GET", "/traces?min_duration=soon", None, 400, "bad_duration"),
        ("GET", "/traces?attribute=code", None, 400, "bad_attribute_filter"),
        ("GET", "/traces?cursor=x", None, 400, "bad_cursor"),
        ("GET", "/logs?level=loud", None, 400, "bad_level"),
        ("GET", "/logs?span_id=12", None, 400, "bad_span_id"),
        ("GET", "/llm/calls?sort=colour", None, 400, "bad_parameter"),
        ("GET", "/llm/calls?min_cost=nan", None, 400, "bad_parameter"),
        ("GET", "/llm/summary?group_by=mood", None, 400, "bad_parameter"),
        ("GET", "/attributes/values", None, 400, "bad_parameter"),
        ("POST", "/query/sql", {"sql": "DROP TABLE spans"}, 403, "sql_refused"),
        ("POST", "/query/sql", {"sql": "SELECT ("}, 400, "clickhouse.62"),
        ("POST", "/query/sql", {"sql": "SELECT nothing FROM spans"}, 400, "clickhouse.47"),
        ("POST", "/query/sql", {"sql": "SELECT 1", "mode": "rw"}, 400, "bad_parameter"),
        ("POST", "/query/sql", {"sql": "SELECT '" + "x" * 300_000 + "'"}, 413, "sql_too_long"),
        ("POST", "/query/sql", {"sql": "x" * 5_000_000}, 413, "too_large"),
        ("DELETE", "/queries/none", None, 404, "query_not_found"),
        ("POST", "/feedback", {"trace_id": "x", "rating": 1}, 400, "bad_trace_id"),
        ("POST", "/feedback", {"trace_id": TRACE}, 400, "bad_parameter"),
        ("POST", "/session", {"key": "sonde_wrong"}, 401, "unauthorized"),
    ],
)  # fmt: skip
async def test_every_refusal_has_the_one_shape(
    http: httpx.AsyncClient, telemetry: None, method: str, path: str, body: Any, status: int, code: str
) -> None:
    answer = await http.request(method, f"/api/v1{path}", json=body)

    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert answer.json().keys() == {"error"}
    assert error.keys() == {"code", "message", "hint", "position"}
    assert error["code"] == code
    assert error["message"]


async def test_a_bug_is_logged_and_not_shown(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    @app.get("/api/v1/broken", include_in_schema=False)
    async def broken() -> None:
        raise RuntimeError("the secret is 42")

    app.router.routes.insert(0, app.router.routes.pop())
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get("/api/v1/broken")

    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "42" not in answer.text
    assert "the secret is 42" in caplog.text


async def test_tenants_see_their_own(http: httpx.AsyncClient, telemetry: None) -> None:
    theirs = await http.get("/api/v1/traces", params=EVERYTHING, headers={"x-scope-orgid": "other"})

    assert [trace["root_name"] for trace in theirs.json()["traces"]] == ["theirs"]
    assert (await http.get(f"/api/v1/traces/{TRACE}", headers={"x-scope-orgid": "other"})).status_code == 404
    all_of_them = await http.get("/api/v1/traces", headers={"x-scope-orgid": "*"})
    assert all_of_them.json()["error"]["code"] == "bad_tenant"


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        (None, "GET", "/api/v1/overview", 401),
        (None, "GET", "/clickhouse?query=SELECT+1", 401),
        (None, "GET", "/metrics", 401),
        (None, "GET", "/healthz", 200),
        (None, "GET", "/readyz", 200),
        (None, "GET", "/docs", 200),
        (None, "GET", "/api/v1/session", 200),
        (Role.INGEST, "GET", "/api/v1/overview", 403),
        (Role.INGEST, "GET", "/clickhouse?query=SELECT+1", 403),
        (Role.INGEST, "POST", "/api/v1/feedback", 400),
        (Role.READ, "GET", "/api/v1/overview", 200),
        (Role.READ, "GET", "/metrics", 200),
        (Role.READ, "GET", "/clickhouse?query=SELECT+1", 200),
    ],
)
async def test_roles_open_doors(
    http: httpx.AsyncClient, new_key: Any, role: Role | None, method: str, path: str, status: int
) -> None:
    secret = new_key(role or Role.READ)

    answer = await http.request(
        method, path, headers={"x-api-key": secret} if role else {}, json={} if method == "POST" else None
    )

    assert answer.status_code == status, answer.text


async def test_while_it_is_open_only_our_own_names_are_served(http: httpx.AsyncClient, new_key: Any) -> None:
    foreign = {"host": "evil.example"}

    assert (await http.get("/api/v1/overview", headers=foreign)).json()["error"]["code"] == "bad_host"
    assert (await http.get("/api/v1/overview", headers={"host": "sonde.test:3000"})).status_code == 200
    cross_site = await http.post("/api/v1/feedback", headers={"sec-fetch-site": "cross-site"}, json={})
    assert cross_site.json()["error"]["code"] == "cross_site"
    secret = new_key()
    assert (await http.get("/api/v1/overview", headers={**foreign, "x-api-key": secret})).status_code == 200


async def test_pages_may_do_little(http: httpx.AsyncClient) -> None:
    for path in ("/", "/docs", "/api/v1/overview", "/api/v1/nothing", "/metrics"):
        headers = (await http.get(path)).headers
        assert headers["content-security-policy"].startswith("default-src 'self';"), path
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]


async def test_a_session_is_a_cookie_that_can_be_forgotten(http: httpx.AsyncClient, new_key: Any) -> None:
    secret = new_key(Role.WRITE, "team-a")
    assert (await http.get("/api/v1/session")).json() == {
        "authenticated": False,
        "required": True,
        "tenant": None,
        "role": None,
    }

    logged_in = await http.post("/api/v1/session", json={"key": secret})

    who = {"tenant": "team-a", "role": "write", "name": "test"}
    assert logged_in.json() == {"authenticated": True, "required": True, **who}
    cookie = logged_in.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert secret.lower() not in cookie
    assert (await http.get("/api/v1/overview")).status_code == 200
    forged = await http.post("/api/v1/query/sql", json={"sql": "SELECT 1"}, headers={"sec-fetch-site": "cross-site"})
    assert forged.json()["error"]["code"] == "cross_site"
    assert (await http.delete("/api/v1/session")).status_code == 204
    assert (await http.get("/api/v1/overview")).status_code == 401


async def test_sql_answers_rows_types_and_cost(http: httpx.AsyncClient, telemetry: None) -> None:
    sql = "SELECT number, {word:String} AS word, 18446744073709551615 AS big, [1.5, nan] AS list, NULL AS nothing FROM numbers(5)"

    answer = (
        await http.post("/api/v1/query/sql", json={"sql": sql, "parameters": {"word": "it's\n\\"}, "limit": 2})
    ).json()

    assert answer["columns"][:3] == [
        {"name": "number", "type": "UInt64"},
        {"name": "word", "type": "String"},
        {"name": "big", "type": "UInt64"},
    ]
    assert answer["rows"][0] == [0, "it's\n\\", 18446744073709551615, [1.5, None], None]
    assert (len(answer["rows"]), answer["truncated"]) == (2, True)
    assert answer["stats"]["rows_read"] >= 2


@pytest.mark.parametrize(
    ("headers", "count"),
    [({}, 1), ({"x-scope-orgid": "other"}, 1), ({"x-scope-orgid": "nobody"}, 0), ({"x-scope-orgid": "*"}, 2)],
)
async def test_sql_sees_one_tenant_or_all(
    http: httpx.AsyncClient, telemetry: None, headers: dict[str, str], count: int
) -> None:
    sql = "SELECT count() FROM spans WHERE tenant IN ('default', 'other')"

    answer = await http.post("/api/v1/query/sql", json={"sql": sql}, headers=headers)

    assert answer.json()["rows"] == [[count]]


SLOW = "SELECT sum(sipHash64(number, a.number)) FROM numbers(100000000000) AS a"


async def test_a_query_can_be_stopped_by_its_id(http: httpx.AsyncClient, app: Any) -> None:
    running = asyncio.create_task(
        http.post("/api/v1/query/sql", json={"sql": SLOW}, headers={"x-sonde-query-id": "slow-1"})
    )
    while not app.state.queries._tasks:  # noqa: ASYNC110 - nobody tells us
        await asyncio.sleep(0.01)

    stopped = await http.delete("/api/v1/queries/slow-1")

    assert stopped.status_code == 204
    answer = await asyncio.wait_for(running, 20)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "query_cancelled")
    assert not app.state.queries._tasks


async def test_a_query_ends_when_its_client_goes_away(listening: Any, app: Any, store: Any) -> None:
    address = listening(app)
    async with httpx.AsyncClient(base_url=address) as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post("/api/v1/query/sql", json={"sql": SLOW}, timeout=1)

        for _ in range(200):
            running = await store.query("SELECT count() FROM system.processes WHERE query LIKE 'SELECT sum(sipHash64%'")
            if running.rows == [[0]]:
                break
            await asyncio.sleep(0.05)
    assert running.rows == [[0]]


async def test_feedback_goes_the_way_of_all_logs(http: httpx.AsyncClient, server: Any) -> None:
    given = {"trace_id": TRACE, "span_id": SPAN, "rating": 0.5, "user_id": "ann", "comment": "meh"}

    answer = await http.post("/api/v1/feedback", json=given, headers={"x-scope-orgid": "team-a"})

    assert answer.status_code == 201
    ((signal, body, tenant),) = server.consumed
    assert (signal, tenant) == (Signal.LOGS, "team-a")
    record = ExportLogsServiceRequest.FromString(body).resource_logs[0].scope_logs[0].log_records[0]
    assert (record.event_name, record.trace_id.hex(), record.span_id.hex()) == ("sonde.feedback", TRACE, SPAN)
    attributes = {pair.key: pair.value for pair in record.attributes}
    assert attributes["sonde.feedback.rating"].double_value == 0.5
    assert attributes["sonde.feedback.score_id"].string_value == answer.json()["score_id"]
    assert attributes["sonde.feedback.name"].string_value == "user_feedback"


@pytest.mark.parametrize(
    ("rating", "key", "kind"),
    [("good", "value", "string_value"), (True, "rating", "bool_value"), (-1, "rating", "double_value")],
)
async def test_a_rating_is_a_number_a_word_or_a_truth(
    http: httpx.AsyncClient, server: Any, rating: Any, key: str, kind: str
) -> None:
    await http.post("/api/v1/feedback", json={"trace_id": TRACE, "rating": rating})

    record = ExportLogsServiceRequest.FromString(server.consumed[0][1]).resource_logs[0].scope_logs[0].log_records[0]
    attributes = {pair.key: pair.value for pair in record.attributes}
    assert getattr(attributes[f"sonde.feedback.{key}"], kind) == rating


async def test_live_logs_arrive_as_events(
    listening: Any, app: Any, server: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs_api, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(logs_api, "HEARTBEAT_SECONDS", 0.0)
    address = listening(app)
    async with (
        httpx.AsyncClient(base_url=address, timeout=20) as http,
        http.stream("GET", "/api/v1/logs/live", params={"service": "live", "level": "warn"}) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.aiter_lines()
        assert await anext(lines) == ": live"
        while await anext(lines) != ": still here":  # the first poll is over
            pass
        await asyncio.to_thread(
            insert_logs,
            client,
            [{"time": NOW, "service": "live", "level": level, "body": level} for level in ("warn", "info")],
        )
        while await anext(lines) != "event: record":
            pass
        assert json.loads((await anext(lines)).removeprefix("data: "))["body"] == "warn"
        server.stopping = True
        assert not [line async for line in lines if line.startswith("event")]
    for _ in range(100):
        if not app.state.live_clients:
            break
        await asyncio.sleep(0.02)
    assert not app.state.live_clients


async def test_there_is_an_end_to_live_tails(http: httpx.AsyncClient, app: Any) -> None:
    app.state.live_clients.update(range(logs_api.MAX_LIVE_CLIENTS))

    answer = await http.get("/api/v1/logs/live")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


async def test_ready_means_that_data_is_accepted(http: httpx.AsyncClient, server: Any) -> None:
    assert (await http.get("/readyz")).status_code == 200
    server.obstacles.append("the disk is full")

    answer = await http.get("/readyz")

    assert (answer.status_code, answer.json()) == (503, {"ready": False, "reasons": ["the disk is full"]})
    assert (await http.get("/healthz")).status_code == 200


async def test_receivers_mounted_beside_have_their_own_limits(http: httpx.AsyncClient, app: Any) -> None:
    receiver = Starlette(routes=[Route("/v1/traces", lambda request: PlainTextResponse("taken"), methods=["POST"])])
    app.mount("/otlp", receiver)

    assert (await http.post("/otlp/v1/traces", content=b"x" * 5_000_000)).text == "taken"


async def test_metrics_are_prometheus_text(http: httpx.AsyncClient) -> None:
    await http.get("/api/v1/traces/xyz")
    text = (await http.get("/metrics")).text

    assert 'sonde_web_request_seconds_count{method="GET",route="/api/v1/traces/{trace_id}",status="4xx"} 1.0' in text


async def test_the_documentation_names_every_operation_and_loads_nothing_from_elsewhere(
    http: httpx.AsyncClient,
) -> None:
    openapi = (await http.get("/openapi.json")).json()
    page = (await http.get("/docs")).text

    for path in openapi["paths"]:
        assert f"<code>{path}</code>" in page
    assert {"/api/v1/overview", "/api/v1/query/sql", "/api/v1/logs/live", "/clickhouse"} <= openapi["paths"].keys()
    assert "http" not in page.replace("HTTP", "").replace("http.status", "")
    assert "<script" not in page
    assert "style=" not in page


async def test_big_answers_travel_compressed(http: httpx.AsyncClient) -> None:
    async with http.stream("GET", "/openapi.json", headers={"accept-encoding": "gzip"}) as answer:
        assert answer.headers["content-encoding"] == "gzip"


async def test_administrators_read_who_did_what_in_their_tenant(
    http: httpx.AsyncClient, new_key: Any, state: sa.Engine
) -> None:
    for tenant in ("team-a", "team-b"):
        record(state, AuditEntry(1.5, "alice", tenant, "alert.acknowledge", "Down", "10.0.0.1"))
    asked = {"authorization": f"Bearer {new_key(Role.ADMIN, 'team-a')}"}
    answer = await http.get("/api/v1/audit", headers=asked)
    assert answer.json() == {
        "entries": [
            {
                "time_unix_nano": "1500000000",
                "actor": "alice",
                "action": "alert.acknowledge",
                "subject": "Down",
                "peer": "10.0.0.1",
            }
        ]
    }
    reader = {"authorization": f"Bearer {new_key(Role.WRITE, 'team-a')}"}
    assert (await http.get("/api/v1/audit", headers=reader)).status_code == 403


async def test_a_body_that_is_not_said_to_be_json_is_asked_for_as_json(http: httpx.AsyncClient, new_key: Any) -> None:
    headers = {"authorization": f"Bearer {new_key(Role.WRITE)}", "content-type": "text/plain"}
    answer = await http.post("/api/v1/query/sql", content=b'{"sql": "SELECT 1"}', headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["hint"] == "send it with the header content-type: application/json"
