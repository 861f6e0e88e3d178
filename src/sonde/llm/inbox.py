"""From the store's inbox of candidate spans to rows of ``llm_calls``: a derivation of the write path.

The traces writer calls it after each segment, under the segment's token, so each call is there once whatever happens
in between.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence

from sonde.errors import SondeError
from sonde.llm.calls import COLUMNS, llm_call_rows
from sonde.llm.prices import Prices
from sonde.llm.span import Event, LlmSpan
from sonde.store.client import Client, Limits, may_pass

logger = logging.getLogger(__name__)

_NO_LIMITS = Limits(execution_seconds=60, result_rows=None, result_bytes=None)
# Once each: an insert that failed in a later view and was tried again has filled the inbox twice.
_SPANS = (
    "SELECT tenant, lower(hex(trace_id)), lower(hex(span_id)), lower(hex(parent_span_id)), service, name, "
    "toUnixTimestamp64Nano(ts), duration_nano, status_code, status_message, scope_name, resource_id, "
    "arrayMap(t -> toUnixTimestamp64Nano(t), events.ts), events.name, events.attributes, "
    "attr_str, attr_int, attr_float, attr_bool, attr_json FROM llm_inbox "
    "LIMIT 1 BY tenant, trace_id, span_id"
)
_RESOURCES = (
    "SELECT tenant, resource_id, attr_str, attr_int, attr_float, attr_bool, attr_json "
    "FROM resources WHERE (tenant, resource_id) IN "
    "(SELECT tenant, resource_id FROM llm_inbox) LIMIT 1 BY tenant, resource_id"
)
_EMPTY = "TRUNCATE TABLE llm_inbox"


class LlmCalls:
    """Normalises and prices what waits in ``llm_inbox``; fits ``store.writer.Derivation``."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices

    def __call__(self, client: Client, token: str) -> None:
        """Turn the inbox into rows of ``llm_calls``, once per token, and empty it."""
        rows = client.query(_SPANS, limits=_NO_LIMITS).rows
        if not rows:
            return
        try:
            self._insert(client, rows, token)
        except SondeError as error:
            if not may_pass(error):
                client.command(_EMPTY)  # or those of the next segment would fail with them
            raise
        client.command(_EMPTY)

    def _insert(self, client: Client, rows: Sequence[Sequence[object]], token: str) -> None:
        resources = {
            (tenant, resource_id): _attributes(maps)
            for tenant, resource_id, *maps in client.query(_RESOURCES, limits=_NO_LIMITS).rows
        }
        spans = [_span(row, resources) for row in rows]
        client.insert_rows("llm_calls_in", COLUMNS, self._rows(spans), token=token)

    def _rows(self, spans: list[LlmSpan]) -> list[tuple[object, ...]]:
        """All calls of the spans. A span that our own code fails on stays an ordinary span, and the log says so."""
        try:
            return llm_call_rows(spans, self._prices)
        except Exception:
            logger.exception("a span is left out of llm_calls: normalising failed")
        found: list[tuple[object, ...]] = []
        for span in spans:
            try:
                found += llm_call_rows([span], self._prices)
            except Exception:
                logger.exception("span %s of trace %s is no LLM call of ours", span.span_id, span.trace_id)
        return found


def _span(row: Sequence[object], resources: Mapping[tuple[object, object], dict[str, object]]) -> LlmSpan:
    (tenant, trace_id, span_id, parent_span_id, service, name, start, duration, code, message, scope, resource_id,
     times, names, attributes, *maps) = row  # fmt: skip
    return LlmSpan(
        tenant=str(tenant),
        trace_id=str(trace_id),
        span_id=str(span_id),
        parent_span_id=str(parent_span_id),
        service=str(service),
        name=str(name),
        start_unix_nano=_integer(start),
        duration_nano=_integer(duration),
        status_code=str(code),
        status_message=str(message),
        scope_name=str(scope),
        attributes=_attributes(maps),
        resource=resources.get((tenant, resource_id), {}),
        events=[
            Event(str(event), _integer(time), json.loads(str(text)))
            for time, event, text in zip(_list(times), _list(names), _list(attributes), strict=True)
        ],
    )


def _attributes(maps: Sequence[object]) -> dict[str, object]:
    """The five typed maps as one, arrays and maps decoded."""
    *scalars, structured = (value if isinstance(value, dict) else {} for value in maps)
    merged: dict[str, object] = {key: value for each in scalars for key, value in each.items()}
    merged.update((key, json.loads(text)) for key, text in structured.items())
    return merged


def _integer(value: object) -> int:
    return int(str(value))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
