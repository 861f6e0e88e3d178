"""An OpenAI-compatible endpoint on a loopback port: enough for the genuine ``openai`` SDK, and nothing random."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

USAGE = {
    "prompt_tokens": 1200,
    "completion_tokens": 50,
    "total_tokens": 1250,
    "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 0},
}
RESPONSES_USAGE = {
    "input_tokens": 1200,
    "output_tokens": 50,
    "total_tokens": 1250,
    "input_tokens_details": {"cached_tokens": 1024},
    "output_tokens_details": {"reasoning_tokens": 20},
}
COMPLETION = {
    "id": "chatcmpl-1",
    "created": 1_780_000_000,
    "model": "gpt-4o-mini-2024-07-18",
    "service_tier": "default",
}
TOOL_CALL = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}}


def _chat(request: dict) -> dict:
    message = {"role": "assistant", "content": "It rains in Oslo."}
    if request.get("tools"):
        message = {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if request.get("tools") else "stop"}
    return {**COMPLETION, "object": "chat.completion", "choices": [choice], "usage": USAGE}


def _chunks() -> list[dict]:
    deltas = [{"role": "assistant", "content": "It rains "}, {"content": "in Oslo."}]
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    chunks.append({"choices": [], "usage": USAGE})
    return [{**COMPLETION, "object": "chat.completion.chunk", **chunk} for chunk in chunks]


def _embeddings(request: dict) -> dict:
    data = [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5, 0.125]}]
    return {"object": "list", "model": request["model"], "data": data, "usage": {"prompt_tokens": 8, "total_tokens": 8}}


def _responses(request: dict) -> dict:
    text = {"type": "output_text", "text": "It rains in Oslo.", "annotations": []}
    output = [{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}]
    return {
        "id": "resp_1", "object": "response", "created_at": 1_780_000_000, "model": "gpt-4o-mini-2024-07-18", "status": "completed",
        "output": output, "usage": RESPONSES_USAGE, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        "temperature": request.get("temperature", 1.0), "top_p": 1.0, "service_tier": "default",
    }  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if request["model"] == "busy":
            self._answer(429, {"error": {"message": "Rate limit reached", "type": "rate_limit", "code": "rate_limit"}})
        elif self.path.endswith("/embeddings"):
            self._answer(200, _embeddings(request))
        elif self.path.endswith("/responses"):
            self._answer(200, _responses(request))
        elif request.get("stream"):
            lines = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in _chunks()) + "data: [DONE]\n\n"
            self._send(200, "text/event-stream", lines.encode())
        else:
            self._answer(200, _chat(request))

    def _answer(self, status: int, body: dict) -> None:
        self._send(status, "application/json", json.dumps(body).encode())

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing: the tests speak."""


@contextmanager
def openai_stub() -> Iterator[str]:
    """The base URL to give to ``openai.OpenAI(base_url=...)``."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
