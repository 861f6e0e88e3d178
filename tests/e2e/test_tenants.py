"""Tenants and keys, through every door: nobody sees what is another's."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.e2e import bodies
from tests.e2e.server_process import SONDE, ServerProcess, running

pytestmark = pytest.mark.e2e

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def trace_id_of(body: bytes) -> str:
    return ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans[0].trace_id.hex()


@pytest.fixture(scope="module")
def red_and_blue(server: ServerProcess) -> None:
    for tenant, batch in (("red", 11), ("blue", 12), ("", 13)):
        assert server.send("traces", bodies.spans(batch), tenant=tenant).status == 200
        assert server.send("logs", bodies.logs(batch), tenant=tenant).status == 200
    server.wait_until_inserted()


TABLES = ("spans", "logs", "trace_index", "red_1m", "resources", "attr_values", "llm_calls", "scores", "rag_traces")
VIEWS = ("api_request_logs", "llm_logs", "recommendation_feedback", "otel_traces", "otel_logs")


@pytest.mark.parametrize("table", [*TABLES, *VIEWS])
def test_sql_sees_one_tenant(server: ServerProcess, red_and_blue: None, table: str) -> None:
    seen = {tenant: server.count_of(table, tenant) for tenant in ("red", "blue", "nobody")}

    assert seen["nobody"] == 0
    assert seen["red"] == seen["blue"]
    assert table == "otel_traces" or seen["red"] > 0 or table in VIEWS


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT count() FROM spans WHERE tenant = 'blue'",
        "SELECT count() FROM sonde.spans WHERE attr_int['batch'] != 11",
        "SELECT count() FROM (SELECT * FROM spans UNION ALL SELECT * FROM spans) WHERE attr_int['batch'] != 11",
        "SELECT countIf(b.tenant != 'red') FROM spans AS a INNER JOIN spans AS b ON a.kind = b.kind",
        "WITH s AS (SELECT tenant FROM logs) SELECT countIf(tenant != 'red') FROM s",
    ],
)
def test_no_question_reaches_the_other_tenant(server: ServerProcess, red_and_blue: None, sql: str) -> None:
    assert server.sql(sql, tenant="red") == [["0"]]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM merge('sonde', '.*')",
        "SELECT * FROM remote('127.0.0.1', sonde.spans)",
        "SELECT * FROM file('/etc/passwd')",
        "SELECT * FROM url('http://127.0.0.1:1/')",
        "SELECT 1 INTO OUTFILE '/tmp/sonde-outfile'",
        "SELECT count() FROM spans SETTINGS additional_table_filters = {}",
        "SET additional_table_filters = {}",
        "KILL QUERY WHERE 1",
        "SELECT count() FROM spans PREWHERE tenant = 'blue'",
        "DROP TABLE spans",
        "INSERT INTO spans SELECT * FROM spans",
        "SYSTEM SHUTDOWN",
    ],
)
def test_statements_that_could_reach_out_are_refused(server: ServerProcess, red_and_blue: None, sql: str) -> None:
    answer = server.ask("POST", "/clickhouse/", sql.encode(), {"X-Scope-OrgID": "red"})

    assert answer.status in {400, 403, 404}, answer.text
    assert answer.text.startswith("Code: ")
    assert not Path("/tmp/sonde-outfile").exists()
    assert server.count_of("spans", "red") == bodies.SPANS


def test_the_api_sees_one_tenant(server: ServerProcess, red_and_blue: None) -> None:
    red, blue = trace_id_of(bodies.spans(11)), trace_id_of(bodies.spans(12))

    assert [trace["trace_id"] for trace in server.api("/traces", tenant="red")["traces"]] == [red]
    assert len(server.api(f"/traces/{red}", tenant="red")["spans"]) == bodies.SPANS
    assert server.ask("GET", f"/api/v1/traces/{blue}", headers={"X-Scope-OrgID": "red"}).status == 404
    assert {record["attributes"]["batch"] for record in server.api("/logs", tenant="red")["records"]} == {11}
    assert server.api("/overview", tenant="nobody")["services"] == []
    assert [call["trace_id"] for call in server.api("/llm/calls", tenant="blue")["calls"]] == [blue]
    assert server.api("/status", tenant="red")["tenant"] == "red"


def test_over_grpc_the_tenant_is_metadata(server: ServerProcess, tenant: str) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
        export = channel.unary_unary(EXPORT)
        export(bodies.spans(21), metadata=[("x-scope-orgid", tenant)], timeout=30)
        with pytest.raises(grpc.RpcError) as refused:
            export(b"\x07\xff", metadata=[("x-scope-orgid", tenant)], timeout=30)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    server.wait_until_inserted()
    assert server.count_of("spans", tenant) == bodies.SPANS


ADMIN = "sonde_admin_key_of_the_tests"


@pytest.fixture(scope="module")
def red_key(data: Path) -> str:
    made = subprocess.run(
        [SONDE, "keys", "create", "red", "--tenant", "red", "--role", "write", "--data", str(data)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return next(word for word in made.stdout.split() if word.startswith("sonde_"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "data"


@pytest.fixture(scope="module")
def guarded(data: Path, red_key: str) -> Iterator[ServerProcess]:
    """A server with an administrator's key in its environment, and one made for `red`."""
    with running(data, {"SONDE_API_KEY": ADMIN}) as server:
        yield server


@pytest.mark.parametrize(
    ("key", "headers", "status"),
    [
        ("none", {}, 401),
        ("wrong", {}, 401),
        ("red", {}, 200),
        ("red", {"X-Scope-OrgID": "red"}, 200),
        ("red", {"X-Scope-OrgID": "blue"}, 403),
        ("admin", {"X-Scope-OrgID": "blue"}, 200),
    ],
)
def test_a_key_opens_its_own_tenant(
    guarded: ServerProcess, red_key: str, key: str, headers: dict[str, Any], status: int
) -> None:
    secret = {"none": "", "wrong": "sonde_wrong", "red": red_key, "admin": ADMIN}[key]
    credentials = {"Authorization": f"Bearer {secret}"} if secret else {}

    sent = guarded.send("traces", bodies.spans(1), headers={**credentials, **headers})
    asked = guarded.ask("GET", "/clickhouse/?query=SELECT+1", headers={**credentials, **headers})

    assert sent.status == status, sent.text
    assert asked.status == {200: 200, 401: asked.status, 403: 403}[status], asked.text
    assert status != 401 or asked.status in {401, 403}
