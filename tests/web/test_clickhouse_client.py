"""The genuine clickhouse-connect against ``/clickhouse``, unchanged: only its path option is used."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from store_rows import NOW, insert_spans

from sonde.store.server import ClickHouseServer, ServerAddress
from sonde.telemetry.tenancy import Role
from sonde.web.clickhouse import writable_app


@pytest.fixture(scope="module")
def spans(client: Any) -> None:
    for tenant, count in (("default", 3), ("other", 5)):
        insert_spans(
            client,
            [
                {
                    "tenant": tenant,
                    "trace_id": f"{n + 1:032x}",
                    "span_id": f"{n + 1:016x}",
                    "service": "api",
                    "name": f"op-{n}",
                    "start": NOW + n,
                }
                for n in range(count)
            ],
        )


def connect(address: str, **options: Any) -> Any:
    parts = urlsplit(address)
    return clickhouse_connect.get_client(
        host=parts.hostname, port=parts.port, proxy_path="/clickhouse", **{"username": "default", **options}
    )


def test_it_queries_with_parameters_in_its_native_format(listening: Any, app: Any, spans: None) -> None:
    client = connect(listening(app))

    rows = client.query(
        "SELECT name, kind, toUnixTimestamp64Nano(ts) FROM spans WHERE name = {n:String}", parameters={"n": "op-1"}
    )

    assert rows.result_rows == [("op-1", "internal", NOW + 1)]
    assert client.command("SELECT count() FROM spans") == 3
    assert client.query("SELECT number FROM numbers(100000)").row_count == 100_000
    assert client.query(
        "SELECT count() FROM spans WHERE name IN {names:Array(String)}", parameters={"names": ["op-0", "it's"]}
    ).first_row == (1,)
    assert client.query_df("SELECT service, count() AS c FROM spans GROUP BY service").to_dict("records") == [
        {"service": "api", "c": 3}
    ]
    assert client.raw_query("SELECT 1 AS one", fmt="JSONEachRow") == b'{"one":1}\n'
    assert list(client.query("SELECT * FROM spans LIMIT 0").column_names)[:2] == ["tenant", "ts"]
    assert "spans" in client.command("SHOW TABLES")


def test_its_credentials_are_a_key(listening: Any, app: Any, new_key: Any, spans: None) -> None:
    address = listening(app)
    secret, of_other = new_key(), new_key(tenant="other")

    assert connect(address, password=secret).command("SELECT count() FROM spans") == 3
    assert connect(address, password=of_other).command("SELECT count() FROM spans") == 5
    with pytest.raises(DatabaseError, match="516"):
        connect(address, password="sonde_wrong")


def test_it_is_told_what_it_may_not_do(listening: Any, app: Any, new_key: Any, spans: None) -> None:
    client = connect(listening(app), password=new_key(Role.ADMIN))

    for statement in ("DROP TABLE spans", "INSERT INTO spans SELECT * FROM spans", "SELECT file('/etc/passwd')"):
        with pytest.raises(DatabaseError, match="ACCESS_DENIED"):
            client.command(statement)
    with pytest.raises(DatabaseError):
        client.insert("spans", [["x"]], column_names=["name"], column_type_names=["String"])
    assert client.command("SELECT count() FROM spans") == 3


def test_the_stores_own_http_client_writes_and_reads(listening: Any, store: Any) -> None:
    address = listening(writable_app(store, prefix="/clickhouse"))

    server = ClickHouseServer(ServerAddress(f"{address}/clickhouse"))
    server.command("CREATE TABLE IF NOT EXISTS sonde.things (id UInt64, name String) ENGINE = MergeTree ORDER BY id")
    server.insert_rows("things", ("id", "name"), [(1, "it's; \n a"), (2, "b")], token="t1")

    found = server.query("SELECT id, name FROM things WHERE name != {n:String} ORDER BY id", {"n": "b"})
    assert found.rows == [[1, "it's; \n a"]]
    assert server.query_bytes("SELECT count() FROM things", output_format="TabSeparated") == b"2\n"
    assert server.kill("nothing-of-that-id") is False
    server.close()
