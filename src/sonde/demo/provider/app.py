"""OpenAI's wire format: ``/v1/chat/completions`` (also streamed), ``/v1/embeddings``, ``/v1/models``, and ``/admin``.

Reference: https://platform.openai.com/docs/api-reference
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sonde.demo.corpus import PASSAGES
from sonde.demo.embedding import Embedder, fit
from sonde.demo.provider.behaviour import MODEL_ALIASES, Fates, Knobs, PromptCache, count_tokens
from sonde.demo.provider.completion import Completion, complete, prompt_text
from sonde.errors import UserError

EMBEDDING_DIMENSIONS = 64
_WORDS_PER_CHUNK = 8
_FAILURES = {
    429: ("Rate limit reached for requests. Please try again later.", "requests", "rate_limit_exceeded"),
    500: ("The server had an error while processing your request.", "server_error", "internal_error"),
}


def create_app(seed: int) -> Starlette:
    """The provider as an ASGI application; all that it does by chance follows from ``seed``."""
    provider = _Provider(seed)
    return Starlette(
        routes=[
            Route("/v1/chat/completions", provider.chat, methods=["POST"]),
            Route("/v1/embeddings", provider.embeddings, methods=["POST"]),
            Route("/v1/models", provider.models),
            Route("/admin/knobs", provider.knobs_shown),
            Route("/admin/knobs", provider.knobs_turned, methods=["PUT"]),
            Route("/healthz", _healthy),
        ],
        exception_handlers={UserError: _refused},
    )


class _Provider:
    def __init__(self, seed: int) -> None:
        self._embedder: Embedder = fit([passage.searchable for passage in PASSAGES], EMBEDDING_DIMENSIONS)
        self._fates = Fates(seed)
        self._cache = PromptCache()
        self._knobs = Knobs()

    async def chat(self, request: Request) -> Response:
        """Answer in one piece, or as server-sent events when ``stream`` is set."""
        body = await request.body()
        wanted = _object(body)
        fate = self._fates.draw(body, self._knobs)
        if fate.status:
            return _failure(fate.status)
        completion = complete(wanted, self._embedder, nonsense=fate.nonsense)
        usage = self._usage(wanted, completion)
        seconds_per_token = 1 / self._knobs.tokens_per_second
        head = {
            "id": f"chatcmpl-{hashlib.blake2b(body + str(time.time_ns()).encode(), digest_size=12).hexdigest()}",
            "created": int(time.time()),
            "model": self._knobs.model_alias or MODEL_ALIASES.get(wanted["model"], wanted["model"]),
            "system_fingerprint": "fp_demo",
            "service_tier": "default",
        }
        await asyncio.sleep(fate.first_token_seconds)
        if wanted.get("stream"):
            with_usage = bool((wanted.get("stream_options") or {}).get("include_usage"))
            events = _events(head, completion, usage if with_usage else None, seconds_per_token)
            return StreamingResponse(events, media_type="text/event-stream")
        await asyncio.sleep(usage["completion_tokens"] * seconds_per_token)
        choice = {
            "index": 0,
            "message": _message(completion),
            "finish_reason": completion.finish_reason,
            "logprobs": None,
        }
        return JSONResponse(head | {"object": "chat.completion", "choices": [choice], "usage": usage})

    async def embeddings(self, request: Request) -> Response:
        """Vectors as base64 of little-endian floats, which the SDK asks for, or as JSON numbers."""
        body = await request.body()
        wanted = _object(body)
        fate = self._fates.draw(body, self._knobs)
        if fate.status:
            return _failure(fate.status)
        texts = wanted.get("input")
        texts = [texts] if isinstance(texts, str) else texts
        if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
            raise UserError("'input' must be a string or a list of strings")
        await asyncio.sleep(fate.first_token_seconds / 10)
        as_base64 = wanted.get("encoding_format") == "base64"
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": base64.b64encode(vector.tobytes()).decode() if as_base64 else vector.tolist(),
            }
            for index, vector in enumerate(self._embedder.embed(texts))
        ]
        tokens = sum(map(count_tokens, texts))
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return JSONResponse({"object": "list", "data": data, "model": wanted["model"], "usage": usage})

    async def models(self, _request: Request) -> Response:
        """The models that are told apart; any other name is served too."""
        names = [*MODEL_ALIASES, "text-embedding-3-small"]
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "demo"} for name in names]
        return JSONResponse({"object": "list", "data": data})

    async def knobs_shown(self, _request: Request) -> Response:
        """What the knobs stand at."""
        return JSONResponse(asdict(self._knobs))

    async def knobs_turned(self, request: Request) -> Response:
        """Set the knobs in the body, and all others back to their defaults: ``{}`` ends every trouble."""
        self._knobs = Knobs().turned(_object(await request.body(), must_have=()))
        return JSONResponse(asdict(self._knobs))

    def _usage(self, wanted: dict[str, Any], completion: Completion) -> dict[str, Any]:
        prompt = prompt_text(wanted)
        call = completion.tool_call
        completion_tokens = count_tokens(completion.text) + (count_tokens(call.name + call.arguments) if call else 0)
        prompt_tokens = int(count_tokens(prompt) * self._knobs.token_inflation)
        return {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self._cache.cached_tokens(prompt), "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }


async def _events(
    head: dict[str, Any], completion: Completion, usage: dict[str, Any] | None, seconds_per_token: float
) -> AsyncIterator[str]:
    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return _event(head | {"object": "chat.completion.chunk", "choices": [choice], "usage": None})

    if completion.tool_call:
        yield chunk(_message(completion))
    else:
        yield chunk({"role": "assistant", "content": ""})
        words = completion.text.split(" ")
        for start in range(0, len(words), _WORDS_PER_CHUNK):
            piece = ("" if start == 0 else " ") + " ".join(words[start : start + _WORDS_PER_CHUNK])
            await asyncio.sleep(count_tokens(piece) * seconds_per_token)
            yield chunk({"content": piece})
    yield chunk({}, completion.finish_reason)
    if usage is not None:
        yield _event(head | {"object": "chat.completion.chunk", "choices": [], "usage": usage})
    yield "data: [DONE]\n\n"


def _event(payload: dict[str, Any]) -> str:
    return f"data: {json.dumps(payload)}\n\n"


def _message(completion: Completion) -> dict[str, Any]:
    call = completion.tool_call
    if call is None:
        return {"role": "assistant", "content": completion.text, "refusal": None}
    call_id = f"call_{hashlib.blake2b(call.arguments.encode(), digest_size=8).hexdigest()}"
    function = {"name": call.name, "arguments": call.arguments}
    tool_calls = [{"index": 0, "id": call_id, "type": "function", "function": function}]
    return {"role": "assistant", "content": None, "tool_calls": tool_calls}


def _object(body: bytes, *, must_have: tuple[str, ...] = ("model",)) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise UserError(f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UserError("the body must be a JSON object")
    for key in must_have:
        if not isinstance(value.get(key), str):
            raise UserError(f"you must provide a {key} parameter")
    return value


def _failure(status: int) -> Response:
    message, kind, code = _FAILURES[status]
    headers = {"retry-after-ms": "200"} if status == 429 else None
    error = {"message": message, "type": kind, "param": None, "code": code}
    return JSONResponse({"error": error}, status_code=status, headers=headers)


async def _healthy(_request: Request) -> Response:
    return Response("ok\n")


def _refused(_request: Request, error: Exception) -> Response:
    body = {"message": str(error), "type": "invalid_request_error", "param": None, "code": None}
    return JSONResponse({"error": body}, status_code=400)
