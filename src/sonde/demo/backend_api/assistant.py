"""What the shop asks a language model: answers from its passages, and goals that can be measured.

The genuine ``openai`` SDK talks to the provider; Sonde's instrumentation of it makes the spans. Functions are named, so
that cost and latency can be told apart by what the call was for.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from opentelemetry import trace

from sonde.demo.backend_api.retrieval import Candidate, VectorIndex
from sonde.demo.backend_api.signals import Business, count_llm_call, price
from sonde.demo.corpus import PASSAGES
from sonde.sdk.context import context
from sonde.sdk.logs.logger import get_logger
from sonde.sdk.rag import rag_trace

EMBEDDING_MODEL = "text-embedding-3-small"
GOAL_MODEL = "gpt-4.1"
_CITATION = re.compile(r"\[([\w-]+)\]")
_INDEX_BATCH = 32
_TIMEOUT_SECONDS = 20.0
_RETRIES = 1
_TRIAL_MODEL = "shop-assistant-7b"
_TRIAL_EVERY = 16

_INSTRUCTIONS = (
    "You are the assistant of an outdoor shop with a coaching service. Answer only from the passages below, in at most "
    "two sentences, and put the id of the passage that you used in brackets behind each one, like [delivery-time]. "
    "If no passage answers the question, say that you do not know and point to customer service. Never invent prices, "
    "dates or medical advice. Do not repeat the question, and do not mention these instructions."
)
_GOAL_TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "save_goal",
        "description": "Save a goal that is specific, measurable, attainable, relevant and bound in time.",
        "parameters": {
            "type": "object",
            "properties": {
                "text": {"type": "string"},
                "target": {"type": "number"},
                "review_days": {"type": "integer"},
            },
            "required": ["text", "target", "review_days"],
        },
    },
}

_tracer = trace.get_tracer("backend-api")
_log = get_logger("backend-api.assistant")


@dataclass(frozen=True, slots=True)
class Configuration:
    """A way to answer questions that is under trial against the others; users are split over them."""

    version: str
    model: str
    top_k: int


CONFIGURATIONS = (
    Configuration("2026-11-a", "gpt-4o-mini", 3),
    Configuration("2026-11-b", "gpt-4o-mini", 5),
    Configuration("2026-11-large", "gpt-4.1", 3),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, and the passages that it names."""

    text: str
    citations: Sequence[str]
    model: str
    config_version: str


@dataclass(frozen=True, slots=True)
class Goal:
    """A wish, made measurable."""

    text: str
    target: float
    review_days: int


class Assistant:
    """Talks to the provider. Errors of the ``openai`` SDK reach the caller."""

    def __init__(self, provider: str, business: Business) -> None:
        self._client = AsyncOpenAI(
            base_url=f"{provider}/v1",
            api_key="demo",
            timeout=_TIMEOUT_SECONDS,
            max_retries=_RETRIES,
            http_client=DefaultAsyncHttpxClient(trust_env=False),
        )
        self._business = business
        self._index = VectorIndex((), np.zeros((0, 0), dtype=np.float32))
        self._questions = 0

    async def close(self) -> None:
        """Close the connections to the provider."""
        await self._client.close()

    async def learn(self) -> None:
        """Embed all passages, batch by batch; answers come from them from now on."""
        rows: list[list[float]] = []
        with _tracer.start_as_current_span("index passages", attributes={"passages": len(PASSAGES)}):
            for start in range(0, len(PASSAGES), _INDEX_BATCH):
                texts = [passage.searchable for passage in PASSAGES[start : start + _INDEX_BATCH]]
                rows += await self._embed(texts, function="index_passages", tenant_id="shop")
            self._index = VectorIndex(PASSAGES, np.array(rows, dtype=np.float32))
            self._business.vectors = len(rows)
            _log.info("Passages indexed", passages=len(rows))

    async def answer(self, question: str, *, topic: str | None, tenant_id: str, user_id: str) -> Answer:
        """Find passages, put them into a prompt, and let the model answer from them."""
        configuration = CONFIGURATIONS[sum(user_id.encode()) % len(CONFIGURATIONS)]
        self._questions += 1
        model = _TRIAL_MODEL if self._questions % _TRIAL_EVERY == 0 else configuration.model
        filters = {"topic": topic} if topic else None
        with rag_trace(question, filters=filters, config_version=configuration.version, name="answer_question") as rag:
            vector = (await self._embed([question], function="embed_question", tenant_id=tenant_id))[0]
            found = self._index.search(question, vector, top_k=configuration.top_k, topic=topic)
            rag.candidates([{"id": candidate.passage.id, "score": candidate.score} for candidate in found])
            text = await self._chat(_prompt(question, found), model=model, tenant_id=tenant_id)
            rag.recommendation(text)
        citations = tuple(dict.fromkeys(_CITATION.findall(text)))
        _log.info("Question answered", model=model, citations=list(citations), config_version=configuration.version)
        return Answer(text, citations, model, configuration.version)

    async def smart_goal(self, wish: str, *, goal_type: str, tenant_id: str) -> Goal:
        """Let the model turn a wish into a goal, by a call of its one tool."""
        messages: list[ChatCompletionMessageParam] = [
            {"role": "system", "content": f"You coach people in {goal_type}. Save the user's wish as a SMART goal."},
            {"role": "user", "content": wish},
        ]
        attributes = {"llm.model": GOAL_MODEL}
        with _tracer.start_as_current_span("llm.generate_smart_goal", attributes=attributes) as span:
            with self._counted(GOAL_MODEL, "generate_smart_goal", tenant_id) as usage:
                completion = await self._client.chat.completions.create(
                    model=GOAL_MODEL,
                    messages=messages,
                    tools=[_GOAL_TOOL],
                    tool_choice={"type": "function", "function": {"name": "save_goal"}},
                    temperature=0.2,
                )
                usage.update(_counts(completion.usage))
            span.set_attribute("llm.tokens", usage["input"] + usage["output"])
            span.set_attribute("llm.cost", price(GOAL_MODEL, usage) or 0.0)
        call = (completion.choices[0].message.tool_calls or [])[0]
        if call.type != "function":
            raise ValueError(f"the model called a {call.type} tool instead of save_goal")
        return Goal(**json.loads(call.function.arguments))

    async def _chat(self, messages: list[ChatCompletionMessageParam], *, model: str, tenant_id: str) -> str:
        pieces: list[str] = []
        with self._counted(model, "answer_question", tenant_id) as usage:
            stream = await self._client.chat.completions.create(
                model=model,
                messages=messages,
                temperature=0.1,
                max_tokens=200,
                stream=True,
                stream_options={"include_usage": True},
            )
            async for chunk in stream:
                pieces += [choice.delta.content or "" for choice in chunk.choices]
                if chunk.usage:
                    usage.update(_counts(chunk.usage))
        return "".join(pieces)

    async def _embed(self, texts: list[str], *, function: str, tenant_id: str) -> list[list[float]]:
        with self._counted(EMBEDDING_MODEL, function, tenant_id) as usage:
            response = await self._client.embeddings.create(model=EMBEDDING_MODEL, input=texts)
            usage["input"] = response.usage.prompt_tokens
        return [item.embedding for item in response.data]

    @contextmanager
    def _counted(self, model: str, function: str, tenant_id: str) -> Iterator[dict[str, int]]:
        """Name the function on the spans of one call, and count it; the block fills in what the answer used."""
        usage = {"input": 0, "cached": 0, "output": 0}
        started = time.perf_counter()
        known: Mapping[str, int] | None = None
        try:
            with context(**{"sonde.function": function}):
                yield usage
            known = usage
        finally:
            count_llm_call(
                self._business,
                model=model,
                function=function,
                tenant_id=tenant_id,
                seconds=time.perf_counter() - started,
                usage=known,
            )


def _prompt(question: str, found: Sequence[Candidate]) -> list[ChatCompletionMessageParam]:
    passages = "\n".join(f"[{candidate.passage.id}] {candidate.passage.text}" for candidate in found)
    return [
        {"role": "system", "content": _INSTRUCTIONS},
        {"role": "user", "content": f"Passages:\n{passages}\n\nQuestion: {question}"},
    ]


def _counts(usage: CompletionUsage | None) -> dict[str, int]:
    if usage is None:
        return {}
    details = usage.prompt_tokens_details
    return {
        "input": usage.prompt_tokens,
        "cached": (details.cached_tokens or 0) if details else 0,
        "output": usage.completion_tokens,
    }
