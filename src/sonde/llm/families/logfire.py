"""Logfire's SDK: OpenTelemetry's names, the provider's usage object, and two spans for a streamed call.

The first ends when the request returns and knows no tokens; the second, written as a log when the stream has ended, has
the tokens, the answer and the duration. The second is the call.
"""

from __future__ import annotations

from sonde.llm.attribute import mapping
from sonde.llm.families.family import NOT_A_CALL, Family
from sonde.llm.span import LlmSpan
from sonde.llm.usage import usage_object

_ANSWERED = frozenset({"gen_ai.response.id", "gen_ai.usage.input_tokens", "gen_ai.output.messages", "response_data"})


def _kind(span: LlmSpan) -> str | None:
    is_request = span.scope_name.startswith("logfire.") and span.attributes.get("logfire.span_type") == "span"
    if is_request and span.status_code != "error" and _ANSWERED.isdisjoint(span.attributes):
        return NOT_A_CALL
    return None


FAMILY = Family(
    name="logfire",
    namespaces=frozenset({"logfire"}),
    kind=_kind,
    fields={"tags": ("logfire.tags",)},
    usage={"gen_ai.usage.raw": lambda raw: usage_object(mapping(raw))},
)
