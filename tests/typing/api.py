"""The public API as users write it. Read by ``mypy --strict``, never run."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from fastapi import FastAPI

import sonde


def set_up() -> None:
    handle = sonde.configure(
        "shop",
        endpoint="http://127.0.0.1:4318",
        api_key="key",
        tenant="team-a",
        environment="production",
        version="1.2.3",
        resource={"team": "core"},
        console=True,
        log_level="INFO",
        capture_content=False,
        redact_keys=["national_id"],
        redact_patterns=[sonde.Pattern("ticket", re.compile(r"T-\d{6}"), hints=("t-",))],
    )
    assert_type(handle, sonde.Handle)
    assert_type(sonde.configure(service="shop"), sonde.Handle)
    assert_type(handle.flush(2.0), bool)
    assert_type(handle.shutdown(), bool)
    assert_type(sonde.instrument(), None)
    assert_type(sonde.instrument(FastAPI()), FastAPI)
    assert_type(sonde.__version__, str)


def log() -> None:
    logger = sonde.get_logger("shop.cart", cart=1)
    logger.info("paid", amount=12, currency="EUR")
    logger.bind(step="pay").exception("failed")
    sonde.bind(tenant_id="acme", user_id="ada")
    sonde.unbind("tenant_id", "user_id")
    with sonde.context(request_id="r-1"):
        logger.warning("slow")


def generate(question: str) -> str:
    with sonde.llm_call(
        model="gpt-4o-mini",
        provider="openai",
        function="answer",
        prompt=[{"role": "user", "content": question}],
        system="Be brief.",
        parameters={"temperature": 0.2},
        user_id="ada",
        session_id="s-1",
        prompt_name="answer",
        prompt_version="3",
        tags=["beta"],
    ) as call:
        call.first_token()
        call.response("42", input_tokens=10, output_tokens=1, cached_tokens=4, model="gpt-4o-mini-2024-07-18")
        call.set("cache.hit", value=True)
        return call.trace_id


async def generate_later() -> None:
    async with sonde.llm_call("claude-sonnet-5", provider="anthropic") as call:
        call.error("the answer was no JSON")


def retrieve(query: str) -> None:
    sonde.rag_trace(query, filters={"price": 50}, candidates=["a", {"id": 2}], recommendation="a", config_version="v3")
    with sonde.rag_trace(query=query) as rag:
        rag.candidates(["a"])
        rag.recommendation({"id": 1})


def rate() -> None:
    assert_type(sonde.current_trace_id(), str | None)
    assert_type(sonde.feedback("0af7651916cd43dd8448eb211c80319c", 1, "ada", "spot on"), str)
    sonde.feedback(trace_id="0af7651916cd43dd8448eb211c80319c", rating="good", name="tone", session_id="s-1")


@sonde.observe
def add(left: int, right: int) -> int:
    return left + right


@sonde.observe(name="create_goal", attributes={"team": "coach"})
async def create_goal(text: str) -> list[str]:
    return [text]


@sonde.observe
def stream() -> Iterator[str]:
    yield "a"


@sonde.observe()
async def stream_later() -> AsyncIterator[str]:
    yield "a"


async def observed() -> None:
    assert_type(add(1, right=2), int)
    assert_type(await create_goal("run"), list[str])
    assert_type(stream(), Iterator[str])
    assert_type(stream_later(), AsyncIterator[str])
