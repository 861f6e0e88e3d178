"""Spans in, rows of the table ``llm_calls`` out: what the write path inserts after each segment of traces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sonde.llm.attribute import encodable
from sonde.llm.families.family import EMBEDDINGS
from sonde.llm.messages import completion_preview, messages, prompt_preview
from sonde.llm.normalise import Generation, normalise
from sonde.llm.prices import Prices
from sonde.llm.span import LlmSpan
from sonde.llm.usage import INPUT_BUCKETS, OUTPUT_BUCKETS

COLUMNS = (
    "tenant", "ts", "trace_id", "span_id", "parent_span_id", "service", "name", "type", "operation", "provider",
    "model", "model_requested", "input_tokens", "output_tokens", "usage", "cost_usd", "cost", "price_source",
    "duration_nano", "time_to_first_token_nano", "success", "error_type", "error_message", "finish_reason", "streamed",
    "prompt_preview", "completion_preview", "session_id", "user_id", "function", "prompt_name", "prompt_version",
    "parameters", "environment", "release", "tags",
)  # fmt: skip


def llm_call_rows(spans: Iterable[LlmSpan], prices: Prices) -> list[tuple[object, ...]]:
    """One row in the order of ``COLUMNS`` for each span that is a call to a model; the others give none.

    ``ts`` is nanoseconds since 1970 as an int, ids are lower-case hex as they came, maps are dicts, ``tags`` a list,
    ``cost_usd`` None where nobody knows the price.
    """
    calls = [(span, call) for span in spans if (call := normalise(span)) is not None]
    wrappers = _wrappers(calls)
    return [
        _row(span, call, prices) for span, call in calls if (span.tenant, span.trace_id, span.span_id) not in wrappers
    ]


def _wrappers(calls: Sequence[tuple[LlmSpan, Generation]]) -> set[tuple[str, str, str]]:
    """The calls that only repeat a call directly below them, as a framework's span around its SDK's span does.

    They count the same tokens, or none. Seen only when both are in one batch; they mostly are, for they end together.
    """
    by_id = {(span.tenant, span.trace_id, span.span_id): call for span, call in calls}
    found: set[tuple[str, str, str]] = set()
    for span, call in calls:
        above = (span.tenant, span.trace_id, span.parent_span_id)
        parent = by_id.get(above)
        if parent is None or parent.type != call.type:
            continue
        if not parent.usage or _totals(parent) == _totals(call):
            found.add(above)
    return found


def _totals(call: Generation) -> tuple[int, int]:
    usage = call.usage
    return sum(usage.get(bucket, 0) for bucket in INPUT_BUCKETS), sum(usage.get(bucket, 0) for bucket in OUTPUT_BUCKETS)


def _row(span: LlmSpan, call: Generation, prices: Prices) -> tuple[object, ...]:
    conversation = messages(span)
    cost = prices.cost(call)
    input_tokens, output_tokens = _totals(call)
    return (
        span.tenant,
        span.start_unix_nano,
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.service,
        span.name,
        call.type,
        call.operation,
        call.provider or cost.provider,
        call.model,
        call.model_requested,
        input_tokens,
        output_tokens,
        dict(call.usage),
        cost.total_usd,
        dict(cost.by_bucket),
        cost.source,
        call.duration_nano,
        call.time_to_first_token_nano,
        call.success,
        call.error_type,
        call.error_message,
        call.finish_reason or next((message.finish_reason for message in conversation.output), ""),
        call.streamed,
        encodable(prompt_preview(conversation)),
        "" if call.type == EMBEDDINGS else encodable(completion_preview(conversation)),
        call.session_id,
        call.user_id,
        call.function,
        call.prompt_name,
        call.prompt_version,
        call.parameters,
        call.environment,
        call.release,
        list(call.tags),
    )
