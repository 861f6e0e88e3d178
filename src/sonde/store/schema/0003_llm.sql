-- LLM calls: spans that may be generations wait in llm_inbox; the write path reads them there, normalises and prices them
-- (sonde.llm) and inserts the rows through llm_calls_in, before it lets go of the segment they came in.
--
-- The inbox is in memory on purpose: it holds one segment's candidates. After a crash it is empty, and the segments that
-- are inserted again fill it again, while every other table skips what it has.

CREATE TABLE IF NOT EXISTS llm_inbox {on_cluster} (
  tenant LowCardinality(String),
  ts DateTime64(9),
  trace_id FixedString(16),
  span_id FixedString(8),
  parent_span_id FixedString(8),
  service LowCardinality(String),
  name String,
  status_code {status_code},
  status_message String,
  duration_nano UInt64,
  {attribute_maps attr},
  resource_id UInt64,
  scope_name String,
  events Nested(ts DateTime64(9), name LowCardinality(String), attributes String)
) ENGINE = Memory;

CREATE MATERIALIZED VIEW IF NOT EXISTS llm_inbox_view {on_cluster} TO llm_inbox AS
SELECT
  tenant, ts, trace_id, span_id, parent_span_id, service, name, status_code, status_message, duration_nano,
  attr_str, attr_int, attr_float, attr_bool, attr_json, resource_id, scope_name,
  events.ts AS `events.ts`, events.name AS `events.name`, events.attributes AS `events.attributes`
FROM span_rows
WHERE {llm_candidate};

CREATE TABLE IF NOT EXISTS llm_calls_in {on_cluster} (
  tenant String, ts UInt64, trace_id String, span_id String, parent_span_id String, service String, name String,
  type String, operation String, provider String, model String, model_requested String,
  input_tokens UInt64, output_tokens UInt64, usage Map(String, UInt64),
  cost_usd Nullable(Float64), cost Map(String, Float64), price_source String,
  duration_nano UInt64, time_to_first_token_nano Nullable(UInt64),
  success Bool, error_type String, error_message String, finish_reason String, streamed Bool,
  prompt_preview String, completion_preview String,
  session_id String, user_id String, function String, prompt_name String, prompt_version String, parameters String,
  environment String, release String, tags Array(String)
) ENGINE = Null;

CREATE TABLE IF NOT EXISTS llm_calls {on_cluster} (
  tenant LowCardinality(String),
  ts DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  trace_id FixedString(16),
  span_id FixedString(8),
  parent_span_id FixedString(8),
  service LowCardinality(String),
  name LowCardinality(String),
  type LowCardinality(String),
  operation LowCardinality(String),
  provider LowCardinality(String),
  model LowCardinality(String),
  model_requested LowCardinality(String),
  input_tokens UInt64,
  output_tokens UInt64,
  usage Map(LowCardinality(String), UInt64),
  cost_usd Nullable(Float64),
  cost Map(LowCardinality(String), Float64),
  price_source LowCardinality(String),
  duration_nano UInt64 CODEC(T64, ZSTD(1)),
  time_to_first_token_nano Nullable(UInt64),
  success Bool,
  error_type LowCardinality(String),
  error_message String,
  finish_reason LowCardinality(String),
  streamed Bool,
  prompt_preview String,
  completion_preview String,
  session_id String,
  user_id String,
  function LowCardinality(String),
  prompt_name LowCardinality(String),
  prompt_version LowCardinality(String),
  parameters String,
  environment LowCardinality(String),
  release LowCardinality(String),
  tags Array(String),
  INDEX trace_id_bloom trace_id TYPE bloom_filter(0.001)
) ENGINE = {engine plain}
PARTITION BY toYYYYMMDD(ts)
ORDER BY (tenant, toStartOfHour(ts), ts)
SETTINGS {dedup};

CREATE MATERIALIZED VIEW IF NOT EXISTS llm_calls_view {on_cluster} TO llm_calls AS
SELECT
  * EXCEPT (ts, trace_id, span_id, parent_span_id),
  {timestamp i.ts} AS ts,
  {fixed unhex(i.trace_id) 16} AS trace_id,
  {fixed unhex(i.span_id) 8} AS span_id,
  {fixed unhex(i.parent_span_id) 8} AS parent_span_id
FROM llm_calls_in AS i;
