"""The overview, services, attributes and LLM pages on the real engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from store_rows import NOW, insert_llm_calls, insert_logs, insert_spans

from sonde.errors import NotFound
from sonde.query.attributes import attribute_keys, attribute_values
from sonde.query.engine import Inquiry
from sonde.query.llm_calls import LlmFilter, LlmSearch, read_llm_call, search_llm_calls
from sonde.query.llm_summary import summarize_llm_calls
from sonde.query.overview import read_overview
from sonde.query.services import list_services
from sonde.query.window import HOUR, MINUTE, SECOND, TimeRange

WINDOW = TimeRange(NOW - HOUR, NOW)


EXCEPTION = {"time": NOW, "name": "exception", "attributes": {"exception.type": "KeyError", "exception.message": "'x'"}}
# What a failed span carries, and what the page says of it.
SAID = [
    ({"status_message": "deadlock", "events": [EXCEPTION]}, "deadlock"),
    ({"events": [EXCEPTION], "attributes": {"http.response.status_code": 500}}, "KeyError: 'x'"),
    ({"attributes": {"http.response.status_code": 503, "error.type": "503"}}, "HTTP 503"),
    ({"attributes": {"error.type": "timeout"}}, "timeout"),
    ({}, ""),
]


@pytest.fixture(scope="module")
def telemetry(client: Any) -> None:
    spans: list[dict[str, Any]] = []
    for index in range(100):
        failed = index % 10 == 0
        span = {
            "trace_id": f"{index + 1:032x}", "span_id": f"{index + 1:016x}", "service": "shop", "name": "POST /ask", "kind": "server",
            "start": NOW - 50 * MINUTE + index * 20 * SECOND, "duration_nano": 100_000_000 if index < 95 else 2_000_000_000,
            "status_code": "error" if failed else "ok", "attributes": {"http.route": "/ask", "user": f"u{index % 3}"},
        }  # fmt: skip
        if failed:
            span["events"] = [
                {
                    "time": NOW,
                    "name": "exception",
                    "attributes": {"exception.type": "KeyError", "exception.message": "'x'"},
                }
            ]
        spans.append(span)
        spans.append(
            {
                **span,
                "span_id": f"{index + 5000:016x}",
                "kind": "client",
                "name": "SELECT",
                "status_code": "unset",
                "events": [],
            }
        )
    spans.append(
        {"trace_id": "ff" * 16, "span_id": "ff" * 8, "service": "job", "name": "nightly", "start": NOW - MINUTE}
    )
    insert_spans(client, spans)
    insert_logs(client, [{"time": NOW - 30 * SECOND, "level": "error", "body": "disk full", "service": "job"}])
    insert_llm_calls(
        client,
        [
            {
                "ts": NOW - (index + 1) * MINUTE, "trace_id": f"{index + 1:032x}", "span_id": f"{index + 1:016x}",
                "model": "gpt" if index % 2 else "claude", "provider": "openai" if index % 2 else "anthropic",
                "cost_usd": None if index == 3 else 0.01 * (index + 1), "success": index != 4, "error_type": "" if index != 4 else "timeout",
                "duration_nano": (index + 1) * SECOND, "time_to_first_token_nano": 5 * 10**8 if index % 2 else None,
                "function": f"f{index % 3}", "user_id": f"u{index}", "session_id": "s1" if index < 2 else "", "usage": {"input": 8, "input_cache_read": 2, "output": 5},
                "prompt_preview": f"question {index}", "parameters": '{"temperature": 0.5}', "tags": ["a"],
            }
            for index in range(10)
        ],
    )  # fmt: skip


async def test_the_overview_shows_rate_errors_latency_cost_and_newest_errors(store: Any, telemetry: None) -> None:
    page = await read_overview(Inquiry(store), tenant="default", window=WINDOW, now_nano=NOW)

    shop, job = page["services"]
    assert (shop["service"], shop["requests"], shop["errors"], shop["error_rate"]) == ("shop", 100, 10, 0.1)
    assert shop["request_rate"] == pytest.approx(100 / 3600)
    assert shop["p50_seconds"] == pytest.approx(0.1, rel=0.05)
    assert shop["p95_seconds"] == pytest.approx(0.1, rel=0.05)
    assert sum(shop["rate"]) * 60 == pytest.approx(100)
    assert sum(shop["error_series"]) * 60 == pytest.approx(10)
    assert len(shop["times"]) == len(shop["rate"]) == len(page["llm"]["cost_usd"])
    assert (job["service"], job["requests"]) == ("job", 1)
    assert job["last_seen_unix_nano"] == str((NOW - MINUTE) // MINUTE * MINUTE)
    llm = page["llm"]
    assert llm["today"] == {"cost_usd": pytest.approx(0.51), "calls": 10, "unpriced_calls": 1}
    assert llm["window"] == {
        "cost_usd": pytest.approx(0.51), "calls": 10, "errors": 1, "unpriced_calls": 1, "input_tokens": 100, "output_tokens": 50,
    }  # fmt: skip
    assert [(m["model"], m["calls"], round(m["cost_usd"], 2)) for m in llm["by_model"]] == [
        ("gpt", 5, 0.26),
        ("claude", 5, 0.25),
    ]
    assert sum(llm["cost_usd"]) == pytest.approx(0.51)
    newest, second, *_ = page["errors"]
    assert (newest["kind"], newest["service"], newest["message"]) == ("log", "job", "disk full")
    assert (second["kind"], second["service"], second["name"], second["message"]) == (
        "span",
        "shop",
        "POST /ask",
        "KeyError: 'x'",
    )
    assert len(page["errors"]) == 11


async def test_the_overview_of_an_empty_tenant_is_empty_not_broken(store: Any, telemetry: None) -> None:
    page = await read_overview(Inquiry(store), tenant="nobody", window=WINDOW, now_nano=NOW)

    assert (page["services"], page["errors"], page["llm"]["by_model"]) == ([], [], [])
    assert page["llm"]["today"] == {"cost_usd": 0.0, "calls": 0, "unpriced_calls": 0}


async def test_an_error_says_the_most_telling_thing_that_its_span_carries(store: Any, client: Any) -> None:
    spans = [
        {"tenant": "failing", "trace_id": f"{number:032x}", "span_id": f"{number:016x}", "service": "shop", "name": "POST",
         "start": NOW - number * SECOND, "kind": "client", "status_code": "error", **carried}
        for number, (carried, _) in enumerate(SAID, 1)
    ]  # fmt: skip
    insert_spans(client, spans)

    page = await read_overview(Inquiry(store), tenant="failing", window=WINDOW, now_nano=NOW)

    assert [error["message"] for error in page["errors"]] == [said for _, said in SAID]


async def test_the_overview_never_reads_raw_spans_where_there_is_no_error(
    client: Any, store: Any, telemetry: None
) -> None:
    """Ten thousand good spans in the same minutes add their digest's rows to what is read, and no more."""
    before = (await read_overview(Inquiry(store), tenant="default", window=WINDOW, now_nano=NOW))["stats"]["rows_read"]
    good = [
        {
            "trace_id": f"{n:032x}",
            "span_id": f"{n:016x}",
            "tenant": "big",
            "service": "busy",
            "name": "GET /",
            "start": NOW - n * 1000,
        }
        for n in range(1, 10_001)
    ]
    insert_spans(client, good)

    page = await read_overview(Inquiry(store), tenant="big", window=WINDOW, now_nano=NOW)

    assert page["services"][0]["requests"] == 10_000
    assert page["stats"]["rows_read"] < before + 1000


async def test_services_have_their_operations(store: Any, telemetry: None) -> None:
    answer = await list_services(Inquiry(store), tenant="default", window=WINDOW)

    assert [(s["service"], s["spans"], s["errors"]) for s in answer["services"]] == [("shop", 200, 10), ("job", 1, 0)]
    operations = answer["services"][0]["operations"]
    assert [(o["name"], o["kind"], o["spans"], o["errors"]) for o in operations] == [
        ("POST /ask", "server", 100, 10),
        ("SELECT", "client", 100, 0),
    ]


async def test_attributes_and_their_values_are_known(store: Any, telemetry: None) -> None:
    keys = await attribute_keys(Inquiry(store), tenant="default", signal="spans", window=WINDOW)
    ask: dict[str, Any] = {
        "tenant": "default",
        "signal": "spans",
        "scope": "span",
        "key": "user",
        "window": WINDOW,
        "limit": 10,
    }
    values = await attribute_values(Inquiry(store), prefix="", **ask)
    completed = await attribute_values(Inquiry(store), prefix="U2", **ask)

    assert {(key["scope"], key["key"]) for key in keys["keys"]} >= {("span", "user"), ("span", "http.route")}
    assert {value["value"] for value in values["values"]} == {"u0", "u1", "u2"}
    assert [value["value"] for value in completed["values"]] == ["u2"]


FILTER = LlmFilter("default", WINDOW)


async def indexes(store: Any, sort: Any = "time", **conditions: Any) -> list[int]:
    search = LlmSearch(replace(FILTER, **conditions), sort=sort, limit=100)
    answer = await search_llm_calls(Inquiry(store), search)
    return [int(call["span_id"], 16) - 1 for call in answer["calls"]]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ({"sort": "cost"}, [9, 8, 7, 6, 5, 4, 2, 1, 0, 3]),
        ({"sort": "duration"}, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ({"model": "claude"}, [0, 2, 4, 6, 8]),
        ({"provider": "openai", "function": "f0"}, [3, 9]),
        ({"success": False}, [4]),
        ({"priced": False}, [3]),
        ({"priced": True, "success": True, "model": "gpt"}, [1, 5, 7, 9]),
        ({"user": "u7"}, [7]),
        ({"session": "s1"}, [0, 1]),
        ({"text": "QUESTION 5"}, [5]),
        ({"min_cost_usd": 0.085}, [8, 9]),
        ({"trace_id": f"{3:032x}"}, [2]),
        ({"type": "embeddings"}, []),
        ({"tenant": "other"}, []),
    ],
)
async def test_llm_calls_are_found_and_sorted(
    store: Any, telemetry: None, conditions: dict[str, Any], expected: list[int]
) -> None:
    assert await indexes(store, **conditions) == expected


@pytest.mark.parametrize("sort", ["time", "cost", "duration"])
async def test_pages_of_llm_calls_neither_skip_nor_repeat(store: Any, telemetry: None, sort: Any) -> None:
    search = LlmSearch(FILTER, sort=sort, limit=3)
    seen: list[int] = []
    while True:
        page = await search_llm_calls(Inquiry(store), search)
        seen += [int(call["span_id"], 16) - 1 for call in page["calls"]]
        if page["next_cursor"] is None:
            break
        search = replace(search, cursor=page["next_cursor"])

    assert seen == await indexes(store, sort)


async def test_one_llm_call_has_its_details(store: Any, telemetry: None) -> None:
    place: dict[str, Any] = {"tenant": "default", "window": WINDOW}
    call = await read_llm_call(Inquiry(store), trace_id=f"{4:032x}", span_id=f"{4:016x}", **place)

    assert (call["cost_usd"], call["parameters"], call["tags"]) == (None, {"temperature": 0.5}, ["a"])
    assert call["usage"] == {"input": 8, "input_cache_read": 2, "output": 5}
    with pytest.raises(NotFound):
        await read_llm_call(Inquiry(store), trace_id=f"{4:032x}", span_id=f"{5:016x}", **place)


def priced_sum(group: dict[str, Any]) -> float:
    return sum(cost for cost in group["cost_usd"] if cost is not None)


async def test_the_llm_summary_adds_up(store: Any, telemetry: None) -> None:
    answer = await summarize_llm_calls(Inquiry(store), FILTER, group_by="provider", buckets=12)

    assert [group["name"] for group in answer["groups"]] == ["openai", "anthropic"]
    assert [sum(group["calls"]) for group in answer["groups"]] == [5, 5]
    assert sum(map(priced_sum, answer["groups"])) == pytest.approx(0.51)
    totals = answer["totals"]
    assert (totals["calls"], totals["errors"], totals["unpriced_calls"]) == (10, 1, 1)
    assert (totals["input_tokens"], totals["output_tokens"], totals["cached_tokens"]) == (100, 50, 20)
    assert totals["ttft_p50_seconds"] == pytest.approx(0.5)
    assert 5 <= totals["p50_seconds"] <= 6


async def test_the_smallest_groups_are_joined_as_other(client: Any, store: Any) -> None:
    insert_llm_calls(
        client,
        [
            {"tenant": "many", "ts": NOW - MINUTE, "span_id": f"{n:016x}", "model": f"m{n}", "cost_usd": float(n)}
            for n in range(25)
        ],
    )

    answer = await summarize_llm_calls(Inquiry(store), replace(FILTER, tenant="many"), group_by="model")

    assert [group["name"] for group in answer["groups"]] == [f"m{n}" for n in range(24, 4, -1)] + ["other"]
    assert priced_sum(answer["groups"][-1]) == 0 + 1 + 2 + 3 + 4


async def test_a_group_without_a_priced_call_has_no_cost_instead_of_zero(client: Any, store: Any) -> None:
    unpriced = {"tenant": "unpriced", "ts": NOW - MINUTE, "span_id": f"{1:016x}", "model": "own", "cost_usd": None}
    insert_llm_calls(client, [unpriced])

    answer = await summarize_llm_calls(Inquiry(store), replace(FILTER, tenant="unpriced"), group_by="model")

    assert set(answer["groups"][0]["cost_usd"]) == {None}
    assert sum(answer["groups"][0]["calls"]) == 1


async def test_a_summary_of_nothing_has_no_latency(store: Any) -> None:
    answer = await summarize_llm_calls(Inquiry(store), replace(FILTER, tenant="nobody"), group_by="model")

    assert (answer["groups"], answer["totals"]["p95_seconds"], answer["totals"]["ttft_p50_seconds"]) == ([], None, None)
    assert answer["totals"]["cost_usd"] == 0.0
