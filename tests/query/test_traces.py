"""Trace search and single traces on the real engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from store_rows import NOW, insert_llm_calls, insert_logs, insert_resource, insert_spans

from sonde.errors import NotFound, UserError
from sonde.query.engine import Inquiry
from sonde.query.trace import read_trace
from sonde.query.traces import TraceSearch, search_traces
from sonde.query.window import DAY, HOUR, MINUTE, SECOND, TimeRange

TRACES = 25
WINDOW = TimeRange(NOW - 3 * HOUR, NOW + MINUTE)


def ids(index: int) -> dict[str, str]:
    return {"trace_id": f"{index:032x}"}


@pytest.fixture(scope="module")
def spans(client: Any) -> None:
    """Twenty-five traces, ten minutes apart going back, each of a server span and a later client span with an error in every fifth."""
    rows: list[dict[str, Any]] = []
    for index in range(1, TRACES + 1):
        start = NOW - index * 10 * MINUTE + 9 * MINUTE
        rows.append(
            {
                **ids(index), "span_id": f"{index:016x}", "service": "shop", "name": "GET /", "kind": "server", "start": start,
                "duration_nano": index * 100_000_000, "attributes": {"index": index},
            }
        )  # fmt: skip
        rows.append(
            {
                **ids(index), "span_id": f"{index + 1000:016x}", "parent_span_id": f"{index:016x}", "service": "db", "name": "SELECT",
                "kind": "client", "start": start + 1000, "duration_nano": 2000, "status_code": "error" if index % 5 == 0 else "ok",
                "status_message": "deadlock" if index % 5 == 0 else "",
            }
        )  # fmt: skip
    rows.append(
        {
            **ids(900),
            "span_id": f"{900:016x}",
            "parent_span_id": f"{1:016x}",
            "service": "orphan",
            "name": "late",
            "start": NOW,
        }
    )
    rows.append(
        {**ids(901), "span_id": f"{901:016x}", "tenant": "other", "service": "shop", "name": "GET /", "start": NOW}
    )
    insert_spans(client, rows)


async def found(store: Any, **conditions: Any) -> list[int]:
    answer = await search_traces(Inquiry(store), replace(TraceSearch("default", WINDOW, limit=100), **conditions))
    return [int(trace["trace_id"], 16) for trace in answer["traces"]]


async def test_the_newest_come_first(store: Any, spans: None) -> None:
    assert await found(store, service="shop") == list(range(1, 19))


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"service": "db", "status": "error"}, [5, 10, 15]),
        ({"service": "shop", "status": "error"}, []),
        ({"operation": "SELECT", "limit": 3}, [1, 2, 3]),
        ({"min_duration_nano": 1_600_000_000}, [16, 17, 18]),
        ({"service": "shop", "max_duration_nano": 200_000_000}, [1, 2]),
        ({"service": "shop", "window": TimeRange(NOW - 15 * MINUTE, NOW - 5 * MINUTE)}, [2]),
        ({"service": "nobody"}, []),
        ({"service": "shop", "tenant": "other"}, [901]),
        ({"service": "orphan"}, [900]),
    ],
)
async def test_conditions_hold_for_one_span(
    store: Any, spans: None, conditions: dict[str, Any], expected: list[int]
) -> None:
    assert await found(store, **conditions) == expected


@pytest.mark.parametrize(("service", "limit"), [("shop", 4), ("shop", 18), ("shop", 19), (None, 7)])
async def test_pages_neither_skip_nor_repeat(store: Any, spans: None, service: str | None, limit: int) -> None:
    search = TraceSearch("default", WINDOW, service=service, limit=limit)
    seen: list[str] = []
    while True:
        page = await search_traces(Inquiry(store), search)
        seen += [trace["trace_id"] for trace in page["traces"]]
        assert len(page["traces"]) <= limit
        if page["next_cursor"] is None:
            break
        search = replace(search, cursor=page["next_cursor"])

    everything = [
        trace["trace_id"]
        for trace in (await search_traces(Inquiry(store), replace(search, cursor=None, limit=100)))["traces"]
    ]
    assert seen == everything


async def test_a_summary_has_root_extent_counts_and_services(store: Any, spans: None) -> None:
    answer = await search_traces(Inquiry(store), TraceSearch("default", WINDOW, status="error", limit=1))

    assert answer["traces"] == [
        {
            "trace_id": f"{5:032x}",
            "root_service": "shop",
            "root_name": "GET /",
            "root_missing": False,
            "start_unix_nano": str(NOW - 41 * MINUTE),
            "duration_nano": 500_000_000,
            "span_count": 2,
            "error_count": 1,
            "services": [{"service": "db", "spans": 1, "errors": 1}, {"service": "shop", "spans": 1, "errors": 0}],
        }
    ]
    assert answer["stats"]["rows_read"] > 0


async def test_a_trace_without_its_root_says_so(store: Any, spans: None) -> None:
    (orphan,) = (await search_traces(Inquiry(store), TraceSearch("default", WINDOW, service="orphan")))["traces"]

    assert orphan["root_missing"] is True


@pytest.mark.parametrize("cursor", ["x", "bm9wZQ", "WzEsIDJd", "e30", "[]", "é"])
async def test_a_foreign_cursor_is_refused(store: Any, spans: None, cursor: str) -> None:
    with pytest.raises(UserError, match="cursor"):
        await search_traces(Inquiry(store), TraceSearch("default", WINDOW, cursor=cursor))


@pytest.mark.parametrize("window", [TimeRange(0, NOW), TimeRange(-DAY, 2**63 - 1), TimeRange(NOW, 2**63 - 1)])
async def test_any_time_range_is_answered(store: Any, spans: None, window: TimeRange) -> None:
    answer = await search_traces(Inquiry(store), TraceSearch("default", window, limit=100))

    assert all(int(trace["start_unix_nano"]) < window.end_nano for trace in answer["traces"])
    assert answer["traces"]


async def test_one_trace_has_its_spans_logs_and_calls(client: Any, store: Any) -> None:
    trace_id = "ab" * 16
    root, child = "01" * 8, "02" * 8
    insert_resource(
        client,
        day="2023-11-14",
        resource_id=77,
        service="shop",
        attributes={"service.name": "shop", "replicas": 3},
        tenant="reader",
    )
    insert_spans(
        client,
        [
            {
                "tenant": "reader", "trace_id": trace_id, "span_id": root, "service": "shop", "name": "POST /ask", "kind": "server", "start": NOW,
                "duration_nano": SECOND, "resource_id": 77,
                "attributes": {"http.status": 200, "ratio": 0.5, "cached": False, "user": "ann", "tags": ["a", {"b": 1}]},
                "events": [{"time": NOW + 5, "name": "exception", "attributes": {"exception.type": "ValueError"}}],
                "links": [{"trace_id": "cd" * 16, "span_id": "03" * 8, "attributes": {"why": "retry"}}],
            },
            {
                "tenant": "reader", "trace_id": trace_id, "span_id": child, "parent_span_id": root, "service": "shop",
                "name": "chat", "start": NOW + 100,
            },
        ],
    )  # fmt: skip
    insert_logs(
        client,
        [
            {
                "tenant": "reader",
                "time": NOW + 50,
                "trace_id": trace_id,
                "span_id": child,
                "body": "thinking",
                "level": "warn",
                "resource_id": 77,
            }
        ],
    )
    insert_llm_calls(
        client, [{"tenant": "reader", "ts": NOW + 100, "trace_id": trace_id, "span_id": child, "cost_usd": None}]
    )

    trace = await read_trace(Inquiry(store), tenant="reader", trace_id=trace_id.upper())

    first, second = trace["spans"]
    assert (trace["start_unix_nano"], trace["duration_nano"], trace["truncated"]) == (str(NOW), SECOND, False)
    assert first["attributes"] == {
        "cached": False,
        "http.status": 200,
        "ratio": 0.5,
        "tags": ["a", {"b": 1}],
        "user": "ann",
    }
    assert first["resource"] == {"replicas": 3, "service.name": "shop"}
    assert first["events"] == [
        {"time_unix_nano": str(NOW + 5), "name": "exception", "attributes": {"exception.type": "ValueError"}}
    ]
    assert first["links"] == [{"trace_id": "cd" * 16, "span_id": "03" * 8, "attributes": {"why": "retry"}}]
    assert (first["parent_span_id"], second["parent_span_id"], first["llm"]) == (None, root, None)
    assert second["llm"] == {
        "model": "gpt",
        "provider": "openai",
        "cost_usd": None,
        "input_tokens": 10,
        "output_tokens": 5,
    }
    (record,) = trace["logs"]
    assert (record["body"], record["level"], record["span_id"], record["resource"]["replicas"]) == (
        "thinking",
        "warn",
        child,
        3,
    )


@pytest.mark.parametrize("tenant", ["default", "other"])
async def test_an_unknown_trace_is_not_found(store: Any, spans: None, tenant: str) -> None:
    with pytest.raises(NotFound, match="no trace"):
        await read_trace(Inquiry(store), tenant=tenant, trace_id="ee" * 16)


async def test_a_trace_of_another_tenant_is_not_found(store: Any, spans: None) -> None:
    with pytest.raises(NotFound):
        await read_trace(Inquiry(store), tenant="default", trace_id=f"{901:032x}")
