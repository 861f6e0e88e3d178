"""Serves the built UI and the fixture world behind the HTTP API's shapes; for development and for the browser tests.

    python -m tests.browser.fixture_server --port 3000

It answers what the pages ask, from memory and with simple filters. What the real server decides (limits, time-outs,
errors) is not here: tests of those intercept the request in the browser.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from tests.browser.fixture_data import ANSWERS, QUESTIONS, Json, World, make_world

STATIC = Path(__file__).parents[2] / "src" / "sonde" / "web" / "static"
CSP = "default-src 'self'; style-src 'self'"
LEVELS = ("trace", "debug", "info", "warn", "error", "fatal", "unknown")


class FixtureServer:
    """The world and the questions that pages ask about it."""

    def __init__(self, end_seconds: float, *, empty: bool = False) -> None:
        self.world = World(end_nano=int(end_seconds * 1e9)) if empty else make_world(end_seconds)
        self.traces = {trace["trace_id"]: trace for trace in self.world.traces}

    def app(self) -> Starlette:
        api = {
            "/session": self.session,
            "/status": self.status,
            "/overview": self.overview,
            "/services": self.services,
            "/traces": self.search_traces,
            "/traces/{trace_id}": self.trace,
            "/logs": self.search_logs,
            "/logs/histogram": self.log_histogram,
            "/logs/live": self.live,
            "/llm/calls": self.search_calls,
            "/llm/calls/{trace_id}/{span_id}": self.call,
            "/llm/summary": self.llm_summary,
            "/attributes": self.attributes,
            "/attributes/values": self.attribute_values,
        }
        routes = [Route(f"/api/v1{path}", answer) for path, answer in api.items()]
        routes.append(Route("/api/v1/feedback", self.feedback, methods=["POST"]))
        routes.append(Route("/{path:path}", static_file))
        return Starlette(routes=routes)

    async def session(self, _request: Request) -> Response:
        return JSONResponse({"authenticated": True, "required": False, "tenant": "default", "role": "admin"})

    async def status(self, _request: Request) -> Response:
        spans = sum(len(trace["spans"]) for trace in self.world.traces)
        signal = {
            "accepted_bodies": spans // 12,
            "refused_bodies": 0,
            "pending_bytes": 18_432,
            "lag_seconds": 0.84,
            "quarantined_frames": 0,
        }
        return JSONResponse(
            {
                "version": "0.1.0",
                "tenant": "default",
                "uptime_seconds": 9240.0,
                "ingest": {
                    "traces": signal,
                    "logs": signal | {"lag_seconds": 0.61},
                    "metrics": signal | {"lag_seconds": 1.02, "refused_bodies": 3},
                },
                "disk": {"free_bytes": 182 * 1024**3, "total_bytes": 256 * 1024**3},
                "tables": [{"table": "spans", "rows": spans, "bytes_on_disk": spans * 60}],
                "messages": [
                    {
                        "severity": "warning",
                        "text": "3 metric bodies were refused: a histogram had more bounds than buckets. See quarantine/ for the first of them.",
                    }
                ]
                if spans
                else [],
            }
        )

    async def overview(self, request: Request) -> Response:
        start, end = window(request)
        step = (end - start) / 40
        times = [start + index * step for index in range(40)]
        services: dict[str, Json] = {}
        errors: list[Json] = []
        for trace in within(self.world.traces, start, end, "start_unix_nano"):
            for span in trace["spans"]:
                at = int(span["start_unix_nano"]) / 1e9
                failed = span["status_code"] == "error"
                if failed:
                    errors.append(
                        {
                            "kind": "span",
                            "time_unix_nano": span["start_unix_nano"],
                            "service": span["service"],
                            "name": span["name"],
                            "message": span["status_message"],
                            "trace_id": trace["trace_id"],
                            "span_id": span["span_id"],
                        }
                    )
                if span["kind"] not in {"server", "consumer"} and span["service"] in {
                    "storefront",
                    "backend-api",
                    "ml-engine",
                    "worker",
                }:
                    continue
                row = services.setdefault(
                    span["service"],
                    {"durations": [], "errors": 0, "rate": [0.0] * 40, "error_series": [0.0] * 40, "last": 0},
                )
                row["durations"].append(span["duration_nano"] / 1e9)
                row["errors"] += failed
                slot = min(39, max(0, int((at - start) / step)))
                row["rate"][slot] += 1 / step
                row["error_series"][slot] += failed / step
                row["last"] = max(row["last"], int(span["start_unix_nano"]))
        errors.extend(
            {"kind": "log", "name": record["body"][:60], "message": record["body"].split("\n")[0]}
            | {key: record[key] for key in ("time_unix_nano", "service", "trace_id", "span_id")}
            for record in within(self.world.logs, start, end, "time_unix_nano")
            if record["level"] in {"error", "fatal"}
        )
        errors.sort(key=lambda error: -int(error["time_unix_nano"]))
        calls = list(within(self.world.calls, start, end, "time_unix_nano"))
        cost = [0.0] * 40
        by_model: dict[tuple[str, str], Json] = {}
        for call in calls:
            cost[min(39, max(0, int((int(call["time_unix_nano"]) / 1e9 - start) / step)))] += call["cost_usd"] or 0
            row = by_model.setdefault(
                (call["model"], call["provider"]),
                {"model": call["model"], "provider": call["provider"], "calls": 0, "cost_usd": None},
            )
            row["calls"] += 1
            if call["cost_usd"] is not None:
                row["cost_usd"] = (row["cost_usd"] or 0) + call["cost_usd"]
        return JSONResponse(
            {
                "window": {"start_seconds": start, "end_seconds": end, "step_seconds": step},
                "services": [
                    {
                        "service": name,
                        "requests": len(row["durations"]),
                        "errors": row["errors"],
                        "request_rate": len(row["durations"]) / (end - start),
                        "error_rate": row["errors"] / len(row["durations"]),
                        "p50_seconds": quantile(row["durations"], 0.5),
                        "p95_seconds": quantile(row["durations"], 0.95),
                        "times": times,
                        "rate": row["rate"],
                        "error_series": row["error_series"],
                        "last_seen_unix_nano": str(row["last"]),
                    }
                    for name, row in services.items()
                ],
                "llm": {
                    "today": call_totals(self.world.calls)
                    | {"cost_usd": 3.7 * sum(call["cost_usd"] or 0 for call in self.world.calls)},
                    "window": call_totals(calls),
                    "by_model": sorted(by_model.values(), key=lambda row: -(row["cost_usd"] or 0)),
                    "times": times,
                    "cost_usd": cost,
                },
                "errors": errors[:12],
                "stats": stats(48_211),
            }
        )

    async def services(self, request: Request) -> Response:
        start, end = window(request)
        found: dict[str, dict[tuple[str, str], Json]] = {}
        for trace in within(self.world.traces, start, end, "start_unix_nano"):
            for span in trace["spans"][:200]:
                row = found.setdefault(span["service"], {}).setdefault(
                    (span["name"], span["kind"]), {"durations": [], "errors": 0}
                )
                row["durations"].append(span["duration_nano"] / 1e9)
                row["errors"] += span["status_code"] == "error"
        return JSONResponse(
            {
                "services": [
                    {
                        "service": name,
                        "spans": sum(len(row["durations"]) for row in operations.values()),
                        "errors": sum(row["errors"] for row in operations.values()),
                        "operations": [
                            {
                                "name": operation,
                                "kind": kind,
                                "spans": len(row["durations"]),
                                "errors": row["errors"],
                                "p95_seconds": quantile(row["durations"], 0.95),
                            }
                            for (operation, kind), row in operations.items()
                        ],
                    }
                    for name, operations in sorted(found.items())
                ]
            }
        )

    async def search_traces(self, request: Request) -> Response:
        query = request.query_params
        least, most = (duration(query.get(name)) for name in ("min_duration", "max_duration"))
        filters = query.getlist("attribute")

        def matches(trace: Json) -> bool:
            if (least is not None and trace["duration_nano"] < least) or (
                most is not None and trace["duration_nano"] > most
            ):
                return False
            return any(
                (not query.get("service") or span["service"] == query["service"])
                and (not query.get("operation") or span["name"] == query["operation"])
                and (query.get("status") != "error" or span["status_code"] == "error")
                and all(
                    attribute_matches(text, {"span": span["attributes"], "resource": span["resource"]})
                    for text in filters
                )
                for span in trace["spans"]
            )

        found = [trace for trace in within(self.world.traces, *window(request), "start_unix_nano") if matches(trace)]
        page, cursor = paged(found, request, 50)
        return JSONResponse(
            {"traces": [trace_summary(trace) for trace in page], "next_cursor": cursor, "stats": stats(len(found) * 37)}
        )

    async def trace(self, request: Request) -> Response:
        trace = self.traces.get(request.path_params["trace_id"].zfill(32))
        if trace is None:
            return problem(404, "trace.unknown", "No span of this trace is stored.")
        scores = self.world.scores.get(trace["trace_id"], [])
        return JSONResponse(trace | {"scores": scores, "truncated": False, "stats": stats(len(trace["spans"]))})

    def matching_logs(self, request: Request) -> list[Json]:
        query = request.query_params
        search = query.get("search", "").lower()
        levels = query.getlist("level")
        return [
            record
            for record in within(self.world.logs, *window(request), "time_unix_nano")
            if (not search or search in record["body"].lower())
            and (not levels or record["level"] in levels)
            and all(not query.get(name) or record[name] == query[name] for name in ("service", "trace_id", "span_id"))
            and all(
                attribute_matches(text, {"log": record["attributes"], "resource": record["resource"]})
                for text in query.getlist("attribute")
            )
        ]

    async def search_logs(self, request: Request) -> Response:
        found = self.matching_logs(request)
        page, cursor = paged(found, request, 200)
        return JSONResponse({"records": page, "next_cursor": cursor, "stats": stats(len(found) * 9)})

    async def log_histogram(self, request: Request) -> Response:
        start, end = window(request)
        count = int(request.query_params.get("buckets", "60"))
        step = (end - start) / count
        levels: dict[str, list[int]] = {}
        for record in self.matching_logs(request):
            slot = min(count - 1, int((int(record["time_unix_nano"]) / 1e9 - start) / step))
            levels.setdefault(record["level"], [0] * count)[slot] += 1
        return JSONResponse(
            {
                "step_seconds": step,
                "times": [start + index * step for index in range(count)],
                "levels": levels,
                "stats": stats(2000),
            }
        )

    async def live(self, request: Request) -> Response:
        templates = [
            record
            for record in self.world.logs[:400]
            if request.query_params.get("service") in (None, record["service"])
        ]

        async def events() -> AsyncIterator[str]:
            yield ": open\n\n"
            for record in templates * 50:
                if await request.is_disconnected():
                    return
                fresh = record | {"time_unix_nano": str(time.time_ns())}
                yield f"event: record\ndata: {json.dumps(fresh)}\n\n"
                await asyncio.sleep(0.15)

        return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    def matching_calls(self, request: Request) -> list[Json]:
        query = request.query_params
        fields = {
            "service": "service",
            "model": "model",
            "provider": "provider",
            "type": "type",
            "function": "function",
            "user": "user_id",
            "session": "session_id",
        }
        search = query.get("search", "").lower()
        return [
            call
            for call in within(self.world.calls, *window(request), "time_unix_nano")
            if all(not query.get(name) or call[key] == query[name] for name, key in fields.items())
            and (not search or search in (call["prompt_preview"] + call["completion_preview"]).lower())
            and (query.get("success") in (None, str(call["success"]).lower()))
            and (query.get("priced") in (None, str(call["cost_usd"] is not None).lower()))
        ]

    async def search_calls(self, request: Request) -> Response:
        found = self.matching_calls(request)
        keys = {"cost": lambda call: -(call["cost_usd"] or 0), "duration": lambda call: -call["duration_nano"]}
        order = keys.get(request.query_params.get("sort", "time"))
        if order:
            found.sort(key=order)
        page, cursor = paged(found, request, 100)
        return JSONResponse({"calls": page, "next_cursor": cursor, "stats": stats(len(found))})

    async def call(self, request: Request) -> Response:
        ids = request.path_params
        found = next(
            (
                call
                for call in self.world.calls
                if call["trace_id"] == ids["trace_id"] and call["span_id"] == ids["span_id"]
            ),
            None,
        )
        if found is None:
            return problem(404, "llm.unknown_call", "No such call is stored.")
        scores = [
            score for score in self.world.scores.get(ids["trace_id"], []) if score.get("span_id") == ids["span_id"]
        ]
        detail = {
            "parameters": {"temperature": 0.2, "max_tokens": 800},
            "environment": "production",
            "release": "2026.8.1",
            "tags": ["shop", "rag"],
        }
        return JSONResponse({"call": found | detail, "messages": conversation(found), "scores": scores})

    async def llm_summary(self, request: Request) -> Response:
        start, end = window(request)
        count = int(request.query_params.get("buckets", "60"))
        step = (end - start) / count
        key = {"user": "user_id"}.get(group_by := request.query_params.get("group_by", "model"), group_by)
        groups: dict[str, Json] = {}
        calls = self.matching_calls(request)
        for call in calls:
            group = groups.setdefault(
                call[key],
                {
                    "name": call[key],
                    "calls": [0] * count,
                    "cost_usd": [None] * count,
                    "input_tokens": [0] * count,
                    "output_tokens": [0] * count,
                },
            )
            slot = min(count - 1, int((int(call["time_unix_nano"]) / 1e9 - start) / step))
            group["calls"][slot] += 1
            group["input_tokens"][slot] += call["input_tokens"]
            group["output_tokens"][slot] += call["output_tokens"]
            if call["cost_usd"] is not None:
                group["cost_usd"][slot] = (group["cost_usd"][slot] or 0) + call["cost_usd"]
        durations = [call["duration_nano"] / 1e9 for call in calls]
        first = [call["time_to_first_token_nano"] / 1e9 for call in calls if call["time_to_first_token_nano"]]
        return JSONResponse(
            {
                "step_seconds": step,
                "times": [start + index * step for index in range(count)],
                "groups": list(groups.values()),
                "totals": call_totals(calls)
                | {
                    "cached_tokens": sum(call["usage"].get("input_cache_read", 0) for call in calls),
                    "p50_seconds": quantile(durations, 0.5),
                    "p95_seconds": quantile(durations, 0.95),
                    "ttft_p50_seconds": quantile(first, 0.5),
                },
                "stats": stats(len(calls)),
            }
        )

    async def feedback(self, request: Request) -> Response:
        body = await request.json()
        score = {
            "score_id": f"score-{time.time_ns()}",
            "time_unix_nano": str(time.time_ns()),
            "name": body.get("name", "user_feedback"),
            "data_type": "numeric",
            "value": body["rating"],
            "string_value": "",
            "user_id": body.get("user_id", ""),
            "comment": body.get("comment", ""),
            "source": "api",
            "span_id": body.get("span_id"),
        }
        self.world.scores.setdefault(body["trace_id"], []).append(score)
        return JSONResponse({"score_id": score["score_id"]}, status_code=201)

    def attribute_counts(self, signal: str) -> Counter[tuple[str, str, str, str]]:
        counts: Counter[tuple[str, str, str, str]] = Counter()
        items: Iterable[Json] = (
            self.world.logs
            if signal == "logs"
            else (span for trace in self.world.traces for span in trace["spans"][:50])
        )
        for item in items:
            for scope, attributes in (
                ("log" if signal == "logs" else "span", item["attributes"]),
                ("resource", item["resource"]),
            ):
                for key, value in attributes.items():
                    counts[scope, key, type(value).__name__.replace("str", "string"), str(value)] += 1
        return counts

    async def attributes(self, request: Request) -> Response:
        keys: Counter[tuple[str, str, str]] = Counter()
        for (scope, key, kind, _value), count in self.attribute_counts(request.query_params["signal"]).items():
            keys[scope, key, kind] += count
        return JSONResponse(
            {
                "keys": [
                    {"scope": scope, "key": key, "type": kind, "count": count}
                    for (scope, key, kind), count in keys.most_common(200)
                ]
            }
        )

    async def attribute_values(self, request: Request) -> Response:
        query = request.query_params
        values: Counter[str] = Counter()
        for (scope, key, _kind, value), count in self.attribute_counts(query["signal"]).items():
            if scope == query["scope"] and key == query["key"] and value.startswith(query.get("prefix", "")):
                values[value] += count
        return JSONResponse({"values": [{"value": value, "count": count} for value, count in values.most_common(20)]})


async def static_file(request: Request) -> Response:
    path = (STATIC / request.path_params["path"]).resolve()
    found = path if path.is_file() and path.is_relative_to(STATIC) else STATIC / "index.html"
    return FileResponse(found, headers={"Content-Security-Policy": CSP, "Cache-Control": "no-cache"})


def window(request: Request) -> tuple[float, float]:
    now = time.time()
    return float(request.query_params.get("start", now - 3600)), float(request.query_params.get("end", now))


def within(items: Iterable[Json], start: float, end: float, key: str) -> Iterable[Json]:
    return (item for item in items if start <= int(item[key]) / 1e9 < end)


def paged(items: list[Json], request: Request, limit: int) -> tuple[list[Json], str | None]:
    first = int(request.query_params.get("cursor", "0"))
    last = first + int(request.query_params.get("limit", limit))
    return items[first:last], str(last) if last < len(items) else None


def trace_summary(trace: Json) -> Json:
    spans = trace["spans"]
    root = next((span for span in spans if span["parent_span_id"] is None), None)
    shown = root or spans[0]
    services = Counter(span["service"] for span in spans)
    errors = Counter(span["service"] for span in spans if span["status_code"] == "error")
    return {
        "trace_id": trace["trace_id"],
        "root_service": shown["service"],
        "root_name": shown["name"],
        "root_missing": root is None,
        "start_unix_nano": trace["start_unix_nano"],
        "duration_nano": trace["duration_nano"],
        "span_count": len(spans),
        "error_count": errors.total(),
        "services": [
            {"service": name, "spans": count, "errors": errors[name]} for name, count in services.most_common()
        ],
    }


def attribute_matches(text: str, scopes: dict[str, Json]) -> bool:
    parts = re.fullmatch(r"(.+?)(!=|!~|=~|>=|<=|=|>|<)(.*)", text)
    if parts is None:
        return False
    key, operator, wanted = parts.groups()
    scope, _, bare = key.partition(".")
    value = (
        scopes[scope].get(bare)
        if scope in scopes
        else next((attributes[key] for attributes in scopes.values() if key in attributes), None)
    )
    shown = "" if value is None else json.dumps(value) if isinstance(value, bool) else str(value)
    if operator in {"=", "!="}:
        return (shown == wanted) == (operator == "=")
    if operator in {"=~", "!~"}:
        return (re.fullmatch(wanted, shown) is not None) == (operator == "=~")
    if not isinstance(value, int | float):
        return False
    return {
        ">": value > float(wanted),
        ">=": value >= float(wanted),
        "<": value < float(wanted),
        "<=": value <= float(wanted),
    }[operator]


def conversation(call: Json) -> Json:
    question = QUESTIONS.index(call["prompt_preview"])

    def text(role: str, content: str) -> Json:
        return {"role": role, "parts": [{"type": "text", "content": content}]}

    if call["type"] == "embeddings":
        return {"input": [text("user", QUESTIONS[question])], "output": []}
    tool = {
        "type": "tool_call",
        "name": "search_products",
        "arguments": {"query": QUESTIONS[question][:30], "max_price": 120},
        "id": "call_1",
    }
    result = {
        "type": "tool_result",
        "name": "search_products",
        "id": "call_1",
        "content": [
            {"id": 17, "title": "Ridge Runner 3", "price": 109.0},
            {"id": 41, "title": "Torrent GTX", "price": 118.5},
        ],
    }
    given = [
        text(
            "system",
            "You advise customers of an outdoor shop. Recommend only what is in stock, name at most five products, and say why.",
        ),
        text("user", QUESTIONS[question]),
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "The customer names a price limit and wet ground; search first."},
                tool,
            ],
        },
        {"role": "tool", "parts": [result]},
    ]
    return {"input": given, "output": [text("assistant", ANSWERS[question])] if call["success"] else []}


def call_totals(calls: list[Json]) -> Json:
    return {
        "calls": len(calls),
        "errors": sum(not call["success"] for call in calls),
        "cost_usd": sum(call["cost_usd"] or 0 for call in calls),
        "unpriced_calls": sum(call["cost_usd"] is None for call in calls),
        "input_tokens": sum(call["input_tokens"] for call in calls),
        "output_tokens": sum(call["output_tokens"] for call in calls),
    }


def quantile(values: list[float], share: float) -> float | None:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else None


def duration(text: str | None) -> float | None:
    units = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
    return (
        sum(float(amount) * units[unit] for amount, unit in re.findall(r"([\d.]+)(ns|us|ms|s|m|h)", text))
        if text
        else None
    )


def stats(rows: int) -> Json:
    return {"rows_read": rows, "bytes_read": rows * 74, "elapsed_seconds": 0.004 + rows / 4e6}


def problem(status: int, code: str, message: str, hint: str = "") -> Response:
    body: dict[str, Any] = {"error": {"code": code, "message": message, "hint": hint, "position": None}}
    return JSONResponse(body, status_code=status)


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve the built UI with fixture data.")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--empty", action="store_true", help="nothing has arrived yet")
    arguments = parser.parse_args()
    server = FixtureServer(time.time(), empty=arguments.empty)
    uvicorn.run(server.app(), host="127.0.0.1", port=arguments.port, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
