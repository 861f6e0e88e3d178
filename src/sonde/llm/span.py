"""What ``llm`` reads: one span with decoded attributes, as the store gives it to the write path and to the UI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Attributes = Mapping[str, object]
"""Attribute values as OTLP types them: str, int, float, bool; arrays and maps as list and dict."""


@dataclass(frozen=True, slots=True)
class Event:
    """A span event, or a log record of the same span: then its body stands under the attribute ``body``."""

    name: str
    time_unix_nano: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class LlmSpan:
    """A span that may be an LLM call. Ids are lower-case hex; ``status_code`` is unset, ok or error."""

    tenant: str
    trace_id: str
    span_id: str
    parent_span_id: str
    service: str
    name: str
    start_unix_nano: int
    duration_nano: int
    status_code: str
    status_message: str
    scope_name: str
    attributes: Attributes
    resource: Attributes
    events: Sequence[Event]
