"""What both implementations of ``Client`` promise: the embedded engine, and a ClickHouse behind HTTP (``either``)."""

from __future__ import annotations

import os
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.store.conftest import StoreClient
from tests.store.strategies import LOGS, TRACES, log_body, span_body

from sonde.errors import Conflict, InternalError, LimitExceeded, SondeError
from sonde.store.client import ClickHouseError, Limits
from sonde.store.embedded import EmbeddedClickHouse

NO_LIMITS = Limits(result_rows=None, result_bytes=None)
FOREVER = "SELECT sum(cityHash64(number)) FROM system.numbers"
texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
same_fixture = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@same_fixture
@given(text=texts)
def test_any_text_comes_back_from_a_parameter(either: StoreClient, text: str) -> None:
    assert either.value("SELECT {text:String}", text=text) == text


@same_fixture
@given(items=st.lists(texts, max_size=5))
def test_any_texts_come_back_from_an_array(either: StoreClient, items: list[str]) -> None:
    assert either.value("SELECT {items:Array(String)}", items=items) == items
    assert either.value("SELECT {items:Array(String)}", items=tuple(items)) == items


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("Int64", -(2**63)),
        ("UInt64", 2**64 - 1),
        ("Float64", 0.1),
        ("Float64", 1e300),
        ("Bool", True),
        ("Nullable(String)", None),
        ("Array(UInt64)", [0, 2**64 - 1]),
        ("Array(String)", []),
        ("String", "]'); DROP TABLE spans; --"),
        ("String", r"\N"),
    ],
)
def test_values_come_back_as_they_went(either: StoreClient, kind: str, value: object) -> None:
    assert either.value(f"SELECT {{value:{kind}}}", value=value) == value


def test_results_are_what_json_gives(either: StoreClient) -> None:
    sql = "SELECT 1 AS one, toUInt64(18446744073709551615) AS big, map('k', 1) AS m, [1, 2] AS a, 'x' AS s, nan AS n"

    result = either.query(sql)

    assert [column.name for column in result.columns] == ["one", "big", "m", "a", "s", "n"]
    assert result.rows == [[1, 2**64 - 1, {"k": 1}, [1, 2], "x", None]]


def test_other_formats_are_bytes(either: StoreClient) -> None:
    sql = "SELECT number AS n FROM numbers(2)"

    assert either.query_bytes(sql, output_format="CSVWithNames") == b'"n"\n0\n1\n'


def test_a_stream_gives_the_whole_in_blocks(either: StoreClient) -> None:
    def read() -> list[bytes]:
        return list(either.real.stream("SELECT number FROM numbers(200000)", output_format="TabSeparated"))

    blocks = off_thread(read)

    assert b"".join(blocks) == b"".join(b"%d\n" % number for number in range(200_000))
    assert len(blocks) > 1


def test_a_stream_that_is_left_early_leaves_the_client_usable(client: StoreClient) -> None:
    def read() -> bytes:
        blocks = client.real.stream("SELECT number FROM system.numbers", output_format="TabSeparated", limits=NO_LIMITS)
        first = next(iter(blocks))
        blocks.close()  # type: ignore[attr-defined]
        return first

    assert off_thread(read).startswith(b"0\n1\n")
    assert client.value("SELECT 1") == 1


@pytest.mark.parametrize(
    ("limits", "sql"),
    [
        pytest.param(Limits(execution_seconds=0.2), FOREVER, id="time"),
        pytest.param(Limits(memory_bytes=20 << 20), "SELECT groupArray(number) FROM numbers(50000000)", id="memory"),
        pytest.param(Limits(result_rows=10), "SELECT number FROM numbers(1000000)", id="rows"),
        pytest.param(Limits(result_bytes=1000), "SELECT number FROM numbers(1000000)", id="bytes"),
        pytest.param(Limits(rows_to_read=10), "SELECT count(number + 1) FROM numbers(1000000)", id="rows read"),
    ],
)
def test_beyond_a_limit_a_query_is_refused_and_the_client_usable(either: StoreClient, limits: Limits, sql: str) -> None:
    with pytest.raises(LimitExceeded):
        either.query(sql, limits=limits)
    assert either.value("SELECT 1") == 1


def test_what_a_failed_query_had_written_is_not_in_front_of_the_next_answer(either: StoreClient) -> None:
    with pytest.raises(SondeError):
        either.query_bytes(
            "SELECT throwIf(number = 300000, 'late') FROM numbers(1000000)", output_format="TabSeparated"
        )
    assert either.query_bytes("SELECT 1", output_format="TabSeparated") == b"1\n"


def test_errors_have_the_number_and_the_words_of_clickhouse(either: StoreClient) -> None:
    with pytest.raises(ClickHouseError, match="nothing_of_that_name") as refused:
        either.query("SELECT nothing_of_that_name")
    assert refused.value.number == 47


def test_a_query_is_killed_by_its_id(either: StoreClient) -> None:
    query_id = uuid.uuid4().hex
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(either.real.query, FOREVER, query_id=query_id)
        deadline = time.monotonic() + 20
        while not either.kill(query_id):
            assert not running.done()
            assert time.monotonic() < deadline
            threading.Event().wait(0.02)
        with pytest.raises(Conflict, match="cancelled"):
            running.result(timeout=20)
    assert either.kill("an id that nobody has") is False


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT number FROM system.numbers SETTINGS max_execution_time = 0",
        "SELECT 1 SETTINGS max_memory_usage = 0",
        "SET max_result_rows = 0",
        "SET readonly = 0",
        "DROP TABLE spans",
        "TRUNCATE TABLE spans",
        "INSERT INTO spans SELECT * FROM spans",
        "CREATE TABLE mine (x Int8) ENGINE = Memory",
        "SELECT 1; DROP TABLE spans",
        "SYSTEM FLUSH LOGS",
    ],
)
def test_a_users_statement_changes_neither_data_nor_its_settings(client: StoreClient, sql: str) -> None:
    with pytest.raises(SondeError):
        client.query_untrusted(sql, output_format="TabSeparated", settings={"max_block_size": "1000"})
    assert client.value("SELECT count() FROM system.tables WHERE database = 'sonde' AND name = 'spans'") == 1
    assert client.value("SELECT count() FROM system.tables WHERE database = 'sonde' AND name = 'mine'") == 0


def test_a_users_statement_runs_under_the_settings_it_was_given_and_the_next_one_without(client: StoreClient) -> None:
    client.empty("spans")
    client.insert_bodies(TRACES, [span_body()], tenant="red")
    client.insert_bodies(TRACES, [span_body()], tenant="blue")
    only_red = {"additional_table_filters": "{'sonde.spans': 'tenant = \\'red\\''}"}

    def tenants(settings: dict[str, str]) -> Any:
        sql = "SELECT arraySort(groupUniqArray(toString(tenant))) FROM spans"
        return client.query_untrusted(sql, output_format="TabSeparated", settings=settings)

    assert (tenants(only_red), tenants({})) == (b"['red']\n", b"['blue','red']\n")


def test_rows_are_inserted_once_a_token(either: StoreClient) -> None:
    either.command(
        "CREATE TABLE IF NOT EXISTS things (id UInt64, name String) ENGINE = MergeTree ORDER BY id "
        "SETTINGS non_replicated_deduplication_window = 100"
    )
    either.empty("things")
    token = uuid.uuid4().hex
    for _ in range(2):
        either.insert_rows("things", ("id", "name"), [(1, "it's\n; \\a"), (2, "")], token=token)
    either.insert_rows("things", ("id", "name"), [], token="nothing")
    either.insert_rows("things", ("id", "name"), [(1, "it's\n; \\a")], token=uuid.uuid4().hex)

    assert either.rows("SELECT id, name FROM things ORDER BY id") == [[1, "it's\n; \\a"], [1, "it's\n; \\a"], [2, ""]]


FED_BY_TRACES = ("spans", "trace_index", "red_1m", "resources", "attr_values", "rag_traces")
FED_BY_LOGS = ("logs", "scores", "resources", "attr_values")


def test_a_segment_is_inserted_once_a_token_in_every_table_it_feeds(either: StoreClient) -> None:
    either.empty(*FED_BY_TRACES, *FED_BY_LOGS)
    spans = [span_body(attributes={"sonde.rag.query": "q", "n": n}) for n in range(3)]
    logs = [log_body(event_name="sonde.feedback", attributes={"sonde.feedback.rating": n}) for n in range(3)]
    token = uuid.uuid4().hex
    counted = []
    for _ in range(2):
        either.insert_bodies(TRACES, spans, token=f"traces-{token}")
        either.insert_bodies(LOGS, logs, token=f"logs-{token}")
        counted.append(
            either.rows(
                "SELECT (SELECT count() FROM spans), (SELECT sum(span_count) FROM trace_index), (SELECT sum(spans) FROM red_1m), "
                "(SELECT count() FROM resources), (SELECT sum(count) FROM attr_values), (SELECT count() FROM rag_traces), "
                "(SELECT count() FROM logs), (SELECT count() FROM scores)"
            )
        )

    assert counted[0] == counted[1]
    assert [counted[0][0][index] for index in (0, 1, 2, 5, 6, 7)] == [3] * 6


def test_a_target_that_missed_a_segment_gets_it_when_it_is_offered_again(client: StoreClient) -> None:
    """As after a crash between two tables of one insert."""
    client.empty("spans", "trace_index")
    client.command("DETACH TABLE trace_index_view")
    client.insert_bodies(TRACES, [span_body()], token="half")
    half = client.value("SELECT count() FROM trace_index")
    client.command("ATTACH TABLE trace_index_view")
    client.insert_bodies(TRACES, [span_body()], token="half")

    assert half == 0
    assert (client.value("SELECT count() FROM spans"), client.value("SELECT sum(span_count) FROM trace_index")) == (
        1,
        1,
    )


@pytest.mark.parametrize("body", [b"not protobuf", b"\x0a\xff\xff\xff\x7f", b"\x1f\x8b\x08\x00"])
def test_a_segment_that_cannot_be_read_stores_nothing(either: StoreClient, body: bytes) -> None:
    before = either.value("SELECT count() FROM spans")
    with pytest.raises(ClickHouseError):
        either.insert_bodies(TRACES, [span_body(), body, span_body()])
    assert either.value("SELECT count() FROM spans") == before


def test_the_engine_refuses_the_main_thread_where_it_would_hold_up_signals(client: StoreClient) -> None:
    engine: EmbeddedClickHouse = client.real  # type: ignore[assignment]
    with pytest.raises(InternalError, match="main thread"):
        engine.query("SELECT 1")


def test_many_threads_ask_while_one_writes(client: StoreClient) -> None:
    client.empty("logs")

    def ask(number: int) -> object:
        return client.real.query("SELECT {n:UInt64} + count() * 0 FROM logs", {"n": number}).rows[0][0]

    with ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(ask, number) for number in range(100)]
        for number in range(10):
            client.insert_bodies(LOGS, [log_body(body=f"line {number}")])
        assert [answer.result() for answer in answers] == list(range(100))
    assert client.value("SELECT count() FROM logs") == 10


def off_thread(function: Any) -> Any:
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(function).result()


def test_memory_of_a_large_answer_is_given_back(client: StoreClient) -> None:
    """Both allocators keep what 320 MB took, until they are asked."""
    pages = [int(Path("/proc/self/statm").read_text().split()[1])]

    def ask_and_release() -> None:
        answer = client.real.query_bytes(
            "SELECT number, -number FROM numbers(20000000)", output_format="Native", limits=NO_LIMITS
        )
        assert len(answer) > 300e6
        del answer
        pages.append(int(Path("/proc/self/statm").read_text().split()[1]))
        client.real.release_memory()
        pages.append(int(Path("/proc/self/statm").read_text().split()[1]))

    with ThreadPoolExecutor(1) as threads:
        threads.submit(ask_and_release).result()
    before, _, after = (each * os.sysconf("SC_PAGE_SIZE") for each in pages)
    assert after - before < 150e6
