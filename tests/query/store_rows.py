"""Spans, log records and LLM calls written straight into the store's flat landing tables, so that all views feed on them."""

from __future__ import annotations

import json
from typing import Any

from sonde.store.client import Client

NOW = 1_700_000_000 * 10**9  # 2023-11-14 22:13:20 UTC
NO_DEDUPLICATION = "insert_deduplicate = 0, async_insert = 0"

_MAPS = """
  JSONExtract(row, 'attr_str', 'Map(String, String)') AS attr_str,
  JSONExtract(row, 'attr_int', 'Map(String, Int64)') AS attr_int,
  JSONExtract(row, 'attr_float', 'Map(String, Float64)') AS attr_float,
  JSONExtract(row, 'attr_bool', 'Map(String, Bool)') AS attr_bool,
  JSONExtract(row, 'attr_json', 'Map(String, String)') AS attr_json
"""
_IDS = """
  toFixedString(unhex(JSONExtractString(row, 'trace_id')), 16) AS trace_id,
  toFixedString(unhex(JSONExtractString(row, 'span_id')), 8) AS span_id
"""


def split(attributes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Attributes as the store's five typed maps."""
    maps: dict[str, dict[str, Any]] = {f"attr_{t}": {} for t in ("str", "int", "float", "bool", "json")}
    for key, value in attributes.items():
        kind = {bool: "bool", int: "int", float: "float", str: "str"}.get(type(value), "json")
        maps[f"attr_{kind}"][key] = json.dumps(value) if kind == "json" else value
    return maps


def insert_spans(client: Client, spans: list[dict[str, Any]]) -> None:
    defaults = {
        "tenant": "default", "parent_span_id": "", "kind": "internal", "status_code": "unset", "status_message": "",
        "duration_nano": 1_000_000, "attributes": {}, "resource_id": 1, "events": [], "links": [],
    }  # fmt: skip
    rows = []
    for span in spans:
        full = {**defaults, **span}
        rows.append(json.dumps({**full, **split(full["attributes"])}))
    client.command(
        f"""
        INSERT INTO span_rows SETTINGS {NO_DEDUPLICATION}
        SELECT JSONExtractString(row, 'tenant') AS tenant, fromUnixTimestamp64Nano(JSONExtractInt(row, 'start')) AS ts, {_IDS},
          toFixedString(unhex(JSONExtractString(row, 'parent_span_id')), 8) AS parent_span_id,
          JSONExtractString(row, 'service') AS service, JSONExtractString(row, 'name') AS name,
          JSONExtractString(row, 'kind') AS kind, JSONExtractString(row, 'status_code') AS status_code,
          JSONExtractString(row, 'status_message') AS status_message, JSONExtractUInt(row, 'duration_nano') AS duration_nano,
          {_MAPS}, JSONExtractUInt(row, 'resource_id') AS resource_id, 'scope' AS scope_name, '1' AS scope_version,
          '' AS trace_state, 0 AS flags,
          arrayMap(e -> fromUnixTimestamp64Nano(JSONExtractInt(e, 'time')), JSONExtractArrayRaw(row, 'events')) AS `events.ts`,
          arrayMap(e -> JSONExtractString(e, 'name'), JSONExtractArrayRaw(row, 'events')) AS `events.name`,
          arrayMap(e -> JSONExtractRaw(e, 'attributes'), JSONExtractArrayRaw(row, 'events')) AS `events.attributes`,
          arrayMap(e -> toFixedString(unhex(JSONExtractString(e, 'trace_id')), 16), JSONExtractArrayRaw(row, 'links')) AS `links.trace_id`,
          arrayMap(e -> toFixedString(unhex(JSONExtractString(e, 'span_id')), 8), JSONExtractArrayRaw(row, 'links')) AS `links.span_id`,
          arrayMap(e -> '', JSONExtractArrayRaw(row, 'links')) AS `links.trace_state`,
          arrayMap(e -> JSONExtractRaw(e, 'attributes'), JSONExtractArrayRaw(row, 'links')) AS `links.attributes`
        FROM (SELECT arrayJoin({{rows:Array(String)}}) AS row)
        """,
        {"rows": rows},
    )


def insert_logs(client: Client, records: list[dict[str, Any]]) -> None:
    defaults = {
        "tenant": "default", "service": "api", "level": "info", "severity_number": 9, "body": "", "trace_id": "", "span_id": "",
        "attributes": {}, "resource_id": 1, "event_name": "",
    }  # fmt: skip
    rows = []
    for record in records:
        full = {**defaults, **record}
        rows.append(json.dumps({**full, **split(full["attributes"])}))
    client.command(
        f"""
        INSERT INTO log_rows SETTINGS {NO_DEDUPLICATION}
        SELECT JSONExtractString(row, 'tenant') AS tenant, fromUnixTimestamp64Nano(JSONExtractInt(row, 'time')) AS ts,
          ts AS observed_ts, JSONExtractString(row, 'service') AS service, JSONExtractUInt(row, 'resource_id') AS resource_id,
          JSONExtractUInt(row, 'severity_number') AS severity_number, upper(JSONExtractString(row, 'level')) AS severity_text,
          JSONExtractString(row, 'level') AS level, JSONExtractString(row, 'body') AS body, {_MAPS}, {_IDS}, 0 AS flags,
          JSONExtractString(row, 'event_name') AS event_name, '' AS scope_name, '' AS scope_version
        FROM (SELECT arrayJoin({{rows:Array(String)}}) AS row)
        """,
        {"rows": rows},
    )


def insert_resource(
    client: Client, *, day: str, resource_id: int, service: str, attributes: dict[str, Any], tenant: str = "default"
) -> None:
    row = json.dumps({**split(attributes), "tenant": tenant})
    client.command(
        f"""
        INSERT INTO resources SETTINGS {NO_DEDUPLICATION}
        SELECT JSONExtractString(row, 'tenant') AS tenant, toDate32({{day:String}}) AS day, {{id:UInt64}} AS resource_id,
          {{service:String}} AS service, {_MAPS}
        FROM (SELECT {{row:String}} AS row)
        """,
        {"row": row, "day": day, "id": resource_id, "service": service},
    )


LLM_DEFAULTS: dict[str, Any] = {
    "tenant": "default", "ts": 0, "trace_id": "", "span_id": "", "parent_span_id": "", "service": "api", "name": "chat",
    "type": "chat", "operation": "chat", "provider": "openai", "model": "gpt", "model_requested": "gpt", "input_tokens": 10,
    "output_tokens": 5, "usage": {"input": 10, "output": 5}, "cost_usd": 0.5, "cost": {"input": 0.2, "output": 0.3},
    "price_source": "genai-prices", "duration_nano": 10**9, "time_to_first_token_nano": None, "success": True, "error_type": "",
    "error_message": "", "finish_reason": "stop", "streamed": False, "prompt_preview": "", "completion_preview": "", "session_id": "",
    "user_id": "", "function": "", "prompt_name": "", "prompt_version": "", "parameters": "{}", "environment": "", "release": "", "tags": [],
}  # fmt: skip


def insert_llm_calls(client: Client, calls: list[dict[str, Any]]) -> None:
    rows = [[{**LLM_DEFAULTS, **call}[column] for column in LLM_DEFAULTS] for call in calls]
    client.insert_rows("llm_calls_in", tuple(LLM_DEFAULTS), rows, token=json.dumps(rows))
