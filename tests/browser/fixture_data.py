"""A small world for the browser: six services, a few hundred traces with their logs and LLM calls, the same every time.

Only the moment it ends at is given, so that "the last hour" is full whenever the tests run. The shapes are those of the
HTTP API; `fixture_server.py` filters and serves them.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

WINDOW_SECONDS = 2 * 3600
BIG_TRACE_ID = "b16b16b16b16b16b16b16b16b16b16b1"
BIG_TRACE_SPANS = 10_000

MODELS = (
    # model, provider, USD a million tokens in and out, share of the calls
    ("gpt-4o-mini", "openai", (0.15, 0.60), 0.46),
    ("claude-sonnet-4-5", "anthropic", (3.0, 15.0), 0.26),
    ("text-embedding-3-small", "openai", (0.02, 0.0), 0.2),
    ("house-llama-70b", "self-hosted", None, 0.08),
)

QUESTIONS = (
    "Which trail running shoes under 120 € are good for wet, rocky paths?",
    "Find me a quiet mechanical keyboard with a German layout.",
    "What goes well with the linen jacket I bought last week?",
    "Compare these two espresso machines for a small kitchen.",
    "I need a gift for a ten-year-old who likes space.",
    "Show waterproof backpacks that fit a 16 inch laptop.",
)
ANSWERS = (
    "For wet, rocky paths I would take one of three models with a sticky outsole. The first drains fast: worth more than a membrane.",
    "Two boards fit: both use silent linear switches and ship with ISO-DE keycaps.",
    "Off-white chinos and the canvas belt in your saved list would go well with it.",
    "The smaller one heats up in 40 seconds and is 12 cm narrower; the larger has the better steam wand.",
    "A build-it-yourself planetarium kit is the most liked in this age group.",
    "Four backpacks match; the rolltop one is the only one rated for heavy rain.",
)

STACK = """Traceback (most recent call last):
  File "/app/shop/checkout.py", line 88, in pay
    response = await client.post("/charge", json=payload, timeout=2.0)
  File "/app/.venv/lib/python3.12/site-packages/httpx/_client.py", line 1859, in post
    return await self.request("POST", url, **kwargs)
  File "/app/.venv/lib/python3.12/site-packages/httpx/_transports/default.py", line 118, in map_httpcore_exceptions
    raise mapped_exc(message) from exc
httpx.ReadTimeout: timed out after 2.0 s waiting for POST /charge"""


@dataclass(slots=True)
class World:
    """Everything that the fixture server serves; newest first."""

    end_nano: int
    traces: list[Json] = field(default_factory=list)
    logs: list[Json] = field(default_factory=list)
    calls: list[Json] = field(default_factory=list)
    scores: dict[str, list[Json]] = field(default_factory=dict)


def make_world(end_seconds: float, seed: int = 7) -> World:
    chance = random.Random(seed)
    world = World(end_nano=int(end_seconds * 1e9))
    moments = sorted(chance.uniform(0, WINDOW_SECONDS) for _ in range(700))
    for number, age in enumerate(moments):
        start = world.end_nano - int(age * 1e9) - 3_000_000_000
        # A quarter of an hour in the first hour goes badly.
        bad = 1500 < age < 2400
        kind = chance.choices((_search, _recommend, _checkout, _scrape), (5, 4, 3, 1))[0]
        builder = _Builder(world, chance, f"{chance.getrandbits(120):030x}{number % 256:02x}", start)
        kind(builder, bad)
        builder.finish()
    _big_trace(world, chance)
    _orphan_trace(world, chance)
    world.traces.sort(key=lambda trace: -int(trace["start_unix_nano"]))
    world.logs.sort(key=lambda record: -int(record["time_unix_nano"]))
    world.calls.sort(key=lambda call: -int(call["time_unix_nano"]))
    return world


class _Builder:
    """Builds one trace: spans in nested calls, with a clock that they move on."""

    def __init__(self, world: World, chance: random.Random, trace_id: str, start: int) -> None:
        self.world, self.chance, self.trace_id, self.start = world, chance, trace_id, start
        self.spans: list[Json] = []
        self.logs: list[Json] = []

    def span(
        self,
        service: str,
        name: str,
        parent: Json | None,
        offset: int,
        duration: float,
        *,
        kind: str = "internal",
        error: str = "",
        **attributes: Any,
    ) -> Json:
        start = self.start + offset
        span = {
            "span_id": f"{self.chance.getrandbits(64):016x}",
            "parent_span_id": parent["span_id"] if parent else None,
            "service": service,
            "name": name,
            "kind": kind,
            "start_unix_nano": str(start),
            "duration_nano": int(duration),
            "status_code": "error" if error else "unset",
            "status_message": error,
            "attributes": {key.replace("__", "."): value for key, value in attributes.items()},
            "resource": _resource(service),
            "scope": {
                "name": f"opentelemetry.instrumentation.{'asgi' if kind == 'server' else 'httpx'}",
                "version": "0.66b0",
            },
            "events": [],
            "links": [],
            "llm": None,
        }
        self.spans.append(span)
        return span

    def log(self, span: Json, level: str, body: str, offset: int = 0, **attributes: Any) -> None:
        numbers = {"debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}
        self.logs.append(
            {
                "time_unix_nano": str(int(span["start_unix_nano"]) + offset + self.chance.randrange(1000)),
                "service": span["service"],
                "level": level,
                "severity_number": numbers[level],
                "severity_text": level.upper(),
                "body": body,
                "event_name": "",
                "trace_id": self.trace_id,
                "span_id": span["span_id"],
                "attributes": attributes,
                "resource": span["resource"],
            }
        )

    def llm(
        self,
        service: str,
        parent: Json,
        offset: int,
        function: str,
        *,
        operation: str = "chat",
        error: str = "",
        slow: float = 1,
    ) -> Json:
        chance = self.chance
        candidates = [entry for entry in MODELS if ("embedding" in entry[0]) == (operation == "embeddings")]
        model, provider, price, _share = chance.choices(candidates, [entry[3] for entry in candidates])[0]
        question = chance.randrange(len(QUESTIONS))
        tokens_in = chance.randrange(400, 4200) if operation == "chat" else chance.randrange(8, 60)
        tokens_out = chance.randrange(60, 900) if operation == "chat" and not error else 0
        cached = tokens_in // 2 if operation == "chat" and chance.random() < 0.4 else 0
        first = chance.uniform(0.2, 0.9) * slow * 1e9
        duration = first + tokens_out * 9e6 * slow if operation == "chat" else chance.uniform(20e6, 90e6)
        usage = {"input": tokens_in - cached, "output": tokens_out}
        if cached:
            usage["input_cache_read"] = cached
        cost: Json = {}
        if price and not error:
            cost = {"input": (tokens_in - cached) * price[0] / 1e6, "output": tokens_out * price[1] / 1e6}
            if cached:
                cost["input_cache_read"] = cached * price[0] / 1e7
        cost_usd = sum(cost.values()) if price else None
        span = self.span(
            service,
            f"{operation} {model}",
            parent,
            offset,
            duration,
            kind="client",
            error=error,
            gen_ai__operation__name=operation,
            gen_ai__provider__name=provider,
            gen_ai__request__model=model,
            gen_ai__response__model=model,
            gen_ai__usage__input_tokens=tokens_in,
            gen_ai__usage__output_tokens=tokens_out,
            gen_ai__response__finish_reasons=["stop"],
            gen_ai__request__temperature=0.2,
            sonde__function=function,
        )
        span["llm"] = {
            "model": model,
            "provider": provider,
            "cost_usd": cost_usd,
            "input_tokens": tokens_in,
            "output_tokens": tokens_out,
        }
        user = f"user-{chance.randrange(1, 24)}"
        self.world.calls.append(
            {
                "trace_id": self.trace_id,
                "span_id": span["span_id"],
                "time_unix_nano": span["start_unix_nano"],
                "service": service,
                "name": span["name"],
                "type": operation,
                "operation": operation,
                "provider": provider,
                "model": model,
                "model_requested": model.removesuffix("-20250929"),
                "input_tokens": tokens_in,
                "output_tokens": tokens_out,
                "usage": usage,
                "cost_usd": cost_usd,
                "cost": cost,
                "price_source": "genai-prices" if price else "",
                "duration_nano": span["duration_nano"],
                "time_to_first_token_nano": int(first) if operation == "chat" and not error else None,
                "success": not error,
                "error_type": "RateLimitError" if error else "",
                "error_message": error,
                "finish_reason": "" if error else "stop",
                "streamed": operation == "chat",
                "prompt_preview": QUESTIONS[question],
                "completion_preview": ANSWERS[question] if tokens_out else "",
                "session_id": f"session-{user}",
                "user_id": user,
                "function": function,
                "prompt_name": "answer" if operation == "chat" else "",
                "prompt_version": "12" if operation == "chat" else "",
            }
        )
        return span

    def finish(self) -> None:
        start = min(int(span["start_unix_nano"]) for span in self.spans)
        end = max(int(span["start_unix_nano"]) + span["duration_nano"] for span in self.spans)
        self.world.traces.append(
            {
                "trace_id": self.trace_id,
                "start_unix_nano": str(start),
                "duration_nano": end - start,
                "spans": self.spans,
                "logs": sorted(self.logs, key=lambda record: int(record["time_unix_nano"])),
            }
        )
        self.world.logs.extend(self.logs)


def _resource(service: str) -> Json:
    return {
        "service.name": service,
        "service.version": {"backend-api": "2026.8.1", "ml-engine": "1.14.0"}.get(service, "0.9.3"),
        "deployment.environment.name": "production",
        "host.name": f"vps-{len(service) % 3 + 1}",
        "process.pid": 4000 + len(service),
        "telemetry.sdk.language": "python",
    }


def _end(*spans: Json) -> int:
    return max(int(span["start_unix_nano"]) + span["duration_nano"] for span in spans)


def _stretch(parent: Json, *children: Json, tail: int = 2_000_000) -> None:
    parent["duration_nano"] = max(parent["duration_nano"], _end(*children) - int(parent["start_unix_nano"]) + tail)


def _search(build: _Builder, bad: bool) -> None:
    chance = build.chance
    root = build.span(
        "storefront", "GET /search", None, 0, 1e6, kind="server", http__request__method="GET", http__route="/search",
        http__response__status_code=200, url__path="/search", user__id=f"user-{chance.randrange(1, 24)}", tenant_id="acme",
    )  # fmt: skip
    api = build.span(
        "backend-api",
        "GET /api/products",
        root,
        3_000_000,
        1e6,
        kind="server",
        http__route="/api/products",
        http__response__status_code=200,
    )
    embed = build.llm("backend-api", api, 6_000_000, "embed_query", operation="embeddings")
    offset = _end(embed) - build.start + 1_000_000
    vectors = build.span(
        "vector-store",
        "query products",
        api,
        offset,
        chance.uniform(4e6, 40e6),
        kind="client",
        db__system__name="chroma",
        db__operation__name="query",
        top_k=20,
    )
    offset = _end(vectors) - build.start + 500_000
    sql = build.span(
        "backend-api",
        "SELECT products",
        api,
        offset,
        chance.uniform(1e6, 12e6),
        kind="client",
        db__system__name="sqlite",
        db__query__text="SELECT id, title, price FROM products WHERE id IN (?, ?, ?)",
    )
    _stretch(api, sql)
    _stretch(root, api)
    build.log(
        api,
        "info",
        "search finished",
        api["duration_nano"],
        results=20,
        cache_hit=chance.random() < 0.3,
        latency_ms=round(api["duration_nano"] / 1e6, 1),
    )
    if chance.random() < 0.3:
        build.log(sql, "debug", "3 rows from products", 800_000, rows=3)
    if bad and chance.random() < 0.4:
        build.log(vectors, "warn", "vector index is being rebuilt, answering from the old one", 1000, index="products")


def _recommend(build: _Builder, bad: bool) -> None:
    chance = build.chance
    fails = chance.random() < (0.3 if bad else 0.02)
    message = "429 Too Many Requests: rate limit reached for requests" if fails else ""
    root = build.span(
        "storefront", "POST /recommend", None, 0, 1e6, kind="server", error="upstream failed" if fails else "",
        http__request__method="POST", http__route="/recommend", http__response__status_code=502 if fails else 200, tenant_id="acme",
    )  # fmt: skip
    api = build.span(
        "backend-api",
        "POST /api/recommend",
        root,
        2_000_000,
        1e6,
        kind="server",
        error="502 Bad Gateway" if fails else "",
        http__route="/api/recommend",
        http__response__status_code=502 if fails else 200,
    )
    rank = build.span(
        "ml-engine",
        "rank candidates",
        api,
        9_000_000,
        chance.uniform(20e6, 80e6),
        kind="server",
        candidates=120,
        model__version="als-7",
        rpc__system="grpc",
    )
    features = build.span("ml-engine", "load features", rank, 11_000_000, chance.uniform(4e6, 16e6), cache_hit=True)
    rag = build.span(
        "backend-api",
        "rag recommend",
        api,
        _end(rank) - build.start + 1_000_000,
        1e6,
        sonde__rag__query=QUESTIONS[0],
        sonde__rag__filters=json.dumps({"price": {"max": 120}, "in_stock": True}),
    )
    embed = build.llm("backend-api", rag, _end(rank) - build.start + 2_000_000, "embed_query", operation="embeddings")
    chat = build.llm(
        "backend-api",
        rag,
        _end(embed) - build.start + 1_000_000,
        "explain_recommendation",
        error=message,
        slow=3 if bad else 1,
    )
    _stretch(rank, features)
    _stretch(rag, embed, chat)
    _stretch(api, rag)
    _stretch(root, api)
    build.log(rank, "info", "ranked 120 candidates", 4_000_000, candidates=120, ndcg=0.412)
    if fails:
        chat["events"].append(
            {
                "time_unix_nano": str(_end(chat) - 1000),
                "name": "exception",
                "attributes": {
                    "exception.type": "openai.RateLimitError",
                    "exception.message": message,
                    "exception.stacktrace": STACK.replace("httpx.ReadTimeout", "openai.RateLimitError"),
                    "exception.escaped": False,
                },
            }
        )
        build.log(
            api,
            "error",
            "could not explain the recommendation: rate limit reached",
            api["duration_nano"],
            error_type="RateLimitError",
            attempt=3,
        )
    else:
        build.log(api, "info", "recommendation sent", api["duration_nano"], products=5, explained=True)
        if chance.random() < 0.25:
            rating = 1 if chance.random() < 0.8 else -1
            build.world.scores[build.trace_id] = [
                {
                    "score_id": f"score-{build.trace_id[:8]}",
                    "time_unix_nano": str(_end(root) + 20_000_000_000),
                    "name": "user_feedback",
                    "data_type": "numeric",
                    "value": rating,
                    "string_value": "",
                    "user_id": f"user-{chance.randrange(1, 24)}",
                    "comment": "exactly what I was looking for" if rating > 0 else "these are all sold out",
                    "source": "feedback",
                    "span_id": chat["span_id"],
                }
            ]


def _checkout(build: _Builder, bad: bool) -> None:
    chance = build.chance
    fails = chance.random() < (0.45 if bad else 0.03)
    pay = chance.uniform(80e6, 240e6) if not fails else 2e9 + chance.uniform(0, 8e6)
    root = build.span(
        "storefront",
        "POST /checkout",
        None,
        0,
        1e6,
        kind="server",
        error="504 Gateway Timeout" if fails else "",
        http__request__method="POST",
        http__route="/checkout",
        http__response__status_code=504 if fails else 201,
        tenant_id="acme",
    )
    api = build.span(
        "backend-api",
        "POST /api/orders",
        root,
        2_000_000,
        1e6,
        kind="server",
        error="payment timed out" if fails else "",
        http__route="/api/orders",
        http__response__status_code=504 if fails else 201,
    )
    insert = build.span(
        "backend-api",
        "INSERT orders",
        api,
        6_000_000,
        chance.uniform(2e6, 9e6),
        kind="client",
        db__system__name="sqlite",
        db__query__text="INSERT INTO orders (user_id, total) VALUES (?, ?)",
    )
    charge = build.span(
        "payments",
        "POST /charge",
        api,
        _end(insert) - build.start + 1_000_000,
        pay,
        kind="client",
        error="ReadTimeout: timed out after 2.0 s" if fails else "",
        amount_eur=round(chance.uniform(9, 240), 2),
        provider="stripe",
        retries=2 if fails else 0,
    )
    _stretch(api, charge)
    _stretch(root, api)
    if fails:
        charge["events"].append(
            {
                "time_unix_nano": str(_end(charge) - 2000),
                "name": "exception",
                "attributes": {
                    "exception.type": "httpx.ReadTimeout",
                    "exception.message": "timed out after 2.0 s waiting for POST /charge",
                    "exception.stacktrace": STACK,
                },
            }
        )
        charge["events"].insert(
            0,
            {
                "time_unix_nano": str(int(charge["start_unix_nano"]) + 900_000_000),
                "name": "retry",
                "attributes": {"attempt": 1, "backoff_ms": 250},
            },
        )
        build.log(
            charge,
            "error",
            "payment timed out\n" + STACK,
            int(pay),
            error_type="ReadTimeout",
            order_id=f"o-{chance.randrange(10_000)}",
        )
        build.log(api, "warn", "order is kept as pending", int(pay) + 2_000_000, order_state="pending")
    else:
        build.log(
            api,
            "info",
            "order placed",
            api["duration_nano"],
            order_id=f"o-{chance.randrange(10_000)}",
            items=chance.randrange(1, 5),
        )


def _scrape(build: _Builder, bad: bool) -> None:
    chance = build.chance
    root = build.span("scraper", "scrape run", None, 0, 1e6, job="products", source="outdoor-shop")
    offset = 5_000_000
    pages = chance.randrange(8, 30)
    for page in range(pages):
        fetch = build.span(
            "scraper",
            "GET /products",
            root,
            offset,
            chance.uniform(40e6, 220e6),
            kind="client",
            url__full=f"https://shop.example/products?page={page}",
            http__response__status_code=200,
        )
        parse = build.span(
            "scraper", "parse page", root, _end(fetch) - build.start, chance.uniform(3e6, 20e6), products=24
        )
        offset = _end(parse) - build.start + 4_000_000
    _stretch(root, *build.spans[-2:])
    build.log(
        root,
        "info",
        "run finished",
        root["duration_nano"],
        pages=pages,
        new=chance.randrange(20),
        updated=pages * 9,
        delisted=2,
    )
    if bad:
        build.log(root, "warn", "robots.txt asks for a slower crawl", 9_000_000, delay_seconds=2)


def _big_trace(world: World, chance: random.Random) -> None:
    build = _Builder(world, chance, BIG_TRACE_ID, world.end_nano - 600_000_000_000)
    root = build.span("ml-engine", "nightly training", None, 0, 240e9, job="als")
    parents = [root]
    for number in range(1, BIG_TRACE_SPANS):
        parent = parents[max(0, len(parents) - 1 - chance.randrange(40))]
        offset = int(parent["start_unix_nano"]) - build.start + int(parent["duration_nano"] * chance.random() * 0.7)
        service = chance.choice(("ml-engine", "ml-engine", "vector-store", "backend-api"))
        error = "checksum differs" if number in {4000, 9990} else ""
        span = build.span(
            service,
            f"step {number}",
            parent,
            offset,
            parent["duration_nano"] * chance.uniform(0.02, 0.3),
            error=error,
            batch=number,
        )
        if span["duration_nano"] > 4e6:
            parents.append(span)
    build.finish()


def _orphan_trace(world: World, chance: random.Random) -> None:
    build = _Builder(world, chance, "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f", world.end_nano - 90_000_000_000)
    orphan = build.span("worker", "send e-mail", None, 0, 120e6, kind="consumer", messaging__system="redis")
    orphan["parent_span_id"] = "feedfacefeedface"
    orphan["links"].append(
        {
            "trace_id": world.traces[0]["trace_id"],
            "span_id": world.traces[0]["spans"][0]["span_id"],
            "attributes": {"reason": "enqueued by"},
        }
    )
    build.span("worker", "render template", orphan, 2_000_000, 30e6, template="order-placed")
    build.finish()
