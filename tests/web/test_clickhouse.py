"""ClickHouse's HTTP interface, byte for byte as curl sees it."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import pytest
from store_rows import NOW, insert_spans

from sonde.telemetry.tenancy import Role


@pytest.fixture(scope="module")
def spans(client: Any) -> None:
    for tenant, count in (("default", 123), ("team-a", 7)):
        insert_spans(
            client,
            [
                {
                    "tenant": tenant,
                    "trace_id": f"{n:032x}",
                    "span_id": f"{n:016x}",
                    "service": "api",
                    "name": "op",
                    "start": NOW,
                }
                for n in range(count)
            ],
        )


async def ask(http: httpx.AsyncClient, sql: str, **options: Any) -> httpx.Response:
    return await http.get("/clickhouse/", params={"query": sql, **options.pop("params", {})}, **options)


@pytest.mark.parametrize("path", ["/clickhouse/", "/clickhouse"])
async def test_a_count_is_a_number_and_a_line_feed(http: httpx.AsyncClient, spans: None, path: str) -> None:
    asked = await http.get(path, params={"query": "SELECT count() FROM spans"})
    posted = await http.post(path, content="SELECT count() FROM spans")

    assert (asked.status_code, asked.text) == (200, "123\n")
    assert posted.text == "123\n"
    assert asked.headers["content-type"] == "text/tab-separated-values; charset=UTF-8"


@pytest.mark.parametrize(
    ("sql", "params", "expected"),
    [
        ("SELECT 1, 'a\tb'", {}, "1\ta\\tb\n"),
        ("SELECT 1 AS x FORMAT JSONEachRow", {}, '{"x":1}\n'),
        ("SELECT 1 AS x", {"default_format": "CSVWithNames"}, '"x"\n1\n'),
        ("SELECT 1 AS x FORMAT TSVWithNames", {"default_format": "JSON"}, "x\n1\n"),
        ("SELECT {a:String}, {b:UInt8}", {"param_a": "it's", "param_b": "7"}, "it\\'s\t7\n"),
        ("SELECT {a:String}", {"param_a": "tab\\tquote'back\\\\"}, "tab\\tquote\\'back\\\\\n"),
        ("SELECT {a:Array(String)}[2]", {"param_a": "['x','it\\'s']"}, "it\\'s\n"),
        ("SELECT {a:Array(UInt64)}", {"param_a": "[1,2]"}, "[1,2]\n"),
        ("SELECT count() FROM sonde.spans", {"database": "default"}, "123\n"),
        ("SELECT number FROM numbers(10) LIMIT 3", {"max_block_size": "1"}, "0\n1\n2\n"),
        ("SELECT 1 AS x FORMAT JSONCompactEachRow", {"output_format_json_quote_64bit_integers": "1"}, "[1]\n"),
        ("SHOW DATABASES LIKE 'son%'", {}, "sonde\n"),
        ("SELECT 1;", {}, "1\n"),
        ("-- a comment\nSELECT 1", {}, "1\n"),
    ],
)
async def test_it_answers(
    http: httpx.AsyncClient, spans: None, sql: str, params: dict[str, str], expected: str
) -> None:
    answer = await ask(http, sql, params=params)

    assert (answer.status_code, answer.text) == (200, expected)


@pytest.mark.parametrize(
    ("sql", "params", "status", "code"),
    [
        ("SELECT (", {}, 400, "62"),
        ("", {}, 400, "62"),
        ("SELECT * FROM no_such_table", {}, 404, "60"),
        ("SELECT no_such_column FROM spans", {}, 404, "47"),
        ("SELECT no_such_function(1)", {}, 404, "46"),
        ("SELECT 1 FORMAT Nonsense", {}, 404, "73"),
        ("SELECT count() FROM spans", {"database": "other"}, 404, "81"),
        ("SELECT toUInt8('x')", {}, 400, "6"),
        ("SELECT throwIf(1)", {}, 500, "395"),
        ("SELECT {missing:String}", {}, 400, "456"),
        ("DROP TABLE spans", {}, 403, "497"),
        ("INSERT INTO spans VALUES (1)", {}, 403, "497"),
        ("SELECT file('/etc/passwd')", {}, 403, "497"),
        ("SELECT 1", {"additional_table_filters": "{}"}, 403, "164"),
        ("SELECT 1 SETTINGS max_threads = 1", {}, 403, "164"),
        (
            "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1",
            {"max_execution_time": "0.2"},
            408,
            "159",
        ),
    ],
)
async def test_it_refuses_as_clickhouse_does(
    http: httpx.AsyncClient, spans: None, sql: str, params: dict[str, str], status: int, code: str
) -> None:
    answer = await ask(http, sql, params=params)

    assert answer.status_code == status, answer.text
    assert answer.headers["x-clickhouse-exception-code"] == code
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
    assert answer.text.count("DB::Exception") == 1
    assert answer.text.endswith(")\n")


async def test_the_query_of_the_address_stands_before_the_body(http: httpx.AsyncClient) -> None:
    answer = await http.post("/clickhouse/", params={"query": "SELECT 1,"}, content="2 FORMAT CSV")

    assert answer.text == "1,2\n"


async def test_headers_tell_what_was_answered(http: httpx.AsyncClient) -> None:
    headers = (await ask(http, "SELECT 1 FORMAT JSON", params={"query_id": "mine"})).headers

    assert headers["x-clickhouse-query-id"] == "mine"
    assert headers["x-clickhouse-format"] == "JSON"
    assert headers["content-type"] == "application/json; charset=UTF-8"
    assert '"elapsed_ns"' in headers["x-clickhouse-summary"]
    assert headers["x-clickhouse-timezone"]


async def test_bodies_may_be_compressed_both_ways(http: httpx.AsyncClient) -> None:
    sent = gzip.compress(b"SELECT number FROM numbers(5000)")
    headers = {"content-encoding": "gzip", "accept-encoding": "gzip"}

    answer = await http.post("/clickhouse/", params={"enable_http_compression": "1"}, content=sent, headers=headers)

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text.splitlines()[-1] == "4999"
    damaged = await http.post("/clickhouse/", content=b"not gzip", headers={"content-encoding": "gzip"})
    assert damaged.headers["x-clickhouse-exception-code"] == "354"


async def test_ping(http: httpx.AsyncClient, new_key: Any) -> None:
    new_key()

    assert (await http.get("/clickhouse/ping")).text == "Ok.\n"


async def test_credentials_come_as_clients_send_them(http: httpx.AsyncClient, new_key: Any, spans: None) -> None:
    secret = new_key(Role.READ, "team-a")
    ways: list[dict[str, Any]] = [
        {"auth": ("anyone", secret)},
        {"headers": {"x-clickhouse-user": "anyone", "x-clickhouse-key": secret}},
        {"params": {"user": "anyone", "password": secret}},
        {"headers": {"authorization": f"Bearer {secret}"}},
    ]
    for way in ways:
        assert (await ask(http, "SELECT count() FROM spans", **way)).text == "7\n", way

    missing, wrong = await ask(http, "SELECT 1"), await ask(http, "SELECT 1", params={"password": "sonde_no"})
    assert (missing.status_code, missing.headers["x-clickhouse-exception-code"]) == (401, "194")
    assert (wrong.status_code, wrong.headers["x-clickhouse-exception-code"]) == (403, "516")
    other = await ask(http, "SELECT 1", headers={"x-api-key": secret, "x-scope-orgid": "team-b"})
    assert other.status_code == 403


@pytest.mark.parametrize(("tenant", "count"), [(None, "123\n"), ("team-a", "7\n"), ("nobody", "0\n"), ("*", "130\n")])
async def test_the_header_names_the_tenant(
    http: httpx.AsyncClient, spans: None, tenant: str | None, count: str
) -> None:
    answer = await ask(http, "SELECT count() FROM spans", headers={"x-scope-orgid": tenant} if tenant else {})

    assert answer.text == count
