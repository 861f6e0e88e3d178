"""The golden corpus: spans as instrumentations write them, and beside each the call that it must become.

A file of ``golden/`` holds the cases of one family; those named ``*_captured`` were written by genuine instrumentations
against ``openai_stub.py``, the others by hand. ``pytest --golden`` writes what the code gives into the files instead of
comparing; then the diff is to be read.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sonde.llm.messages import completion_preview, messages, prompt_preview
from sonde.llm.normalise import normalise
from sonde.llm.prices import Prices
from sonde.llm.span import Event, LlmSpan

FOLDER = Path(__file__).parent / "golden"
START = 1_793_534_400_000_000_000  # 2026-11-01 12:00 UTC
SECOND = 10**9


def span_of(attributes: Mapping[str, object], **fields: Any) -> LlmSpan:
    """A span of one second that went well, but for what is said otherwise."""
    defaults: dict[str, Any] = {
        "tenant": "default", "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "b7ad6b7169203331",
        "parent_span_id": "00f067aa0ba902b7", "service": "shop", "name": "chat", "start_unix_nano": START,
        "duration_nano": SECOND, "status_code": "unset", "status_message": "", "scope_name": "", "resource": {},
        "events": (),
    }  # fmt: skip
    return LlmSpan(**defaults | fields, attributes=attributes)


def case_span(case: Mapping[str, Any]) -> LlmSpan:
    """The span of a case; events stand with their distance from its start."""
    span = dict(case["span"])
    events = [
        Event(event["name"], START + event.get("after_nano", 0), event.get("attributes", {}))
        for event in span.pop("events", ())
    ]
    return span_of(span.pop("attributes"), **span, events=events)


def outcome(span: LlmSpan, prices: Prices) -> dict[str, Any]:
    """The call, its cost and its conversation as the golden files show them: without what is empty."""
    call = normalise(span)
    if call is None:
        return {"call": None}
    cost = prices.cost(call)
    conversation = messages(span)
    fields = dataclasses.asdict(call) | {"parameters": json.loads(call.parameters), "tags": list(call.tags)}
    del fields["start_unix_nano"]
    if fields["duration_nano"] == SECOND:
        del fields["duration_nano"]
    return {
        "call": {key: value for key, value in fields.items() if value not in ("", {}, [], None, False)},
        "cost": {
            "total_usd": cost.total_usd,
            "by_bucket": dict(cost.by_bucket),
            "source": cost.source.partition(" ")[0],
        },
        "previews": [prompt_preview(conversation), completion_preview(conversation)],
        "messages": {side: said for side, said in conversation.as_json().items() if said},
    }


def load(path: Path) -> dict[str, Any]:
    """One file of the corpus."""
    return json.loads(path.read_text())


def save(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file as it is read best: what is short on one line."""
    path.write_text(_render(content, 0) + "\n")


def _render(value: Any, indent: int, before: int = 0) -> str:
    line = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or len(line) + indent + before <= 118:
        return line
    inner, end = " " * (indent + 2), " " * indent
    if isinstance(value, dict):
        items = [(f"{json.dumps(key)}: ", item) for key, item in value.items()]
        opened, closed = "{", "}"
    else:
        items = [("", item) for item in value]
        opened, closed = "[", "]"
    lines = ",\n".join(f"{inner}{key}{_render(item, indent + 2, len(key))}" for key, item in items)
    return f"{opened}\n{lines}\n{end}{closed}"
