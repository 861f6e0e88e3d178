-- Log records: logs_in (Null) → log_rows (Null) → logs, attr_values, scores; logs_in (Null) → resources

CREATE TABLE IF NOT EXISTS logs_in {on_cluster} (
  resource_logs Array(Tuple(
    resource {resource},
    scope_logs Array(Tuple(
      scope {scope},
      log_records Array(Tuple(
        time_unix_nano UInt64, observed_time_unix_nano UInt64, severity_number Int32, severity_text String,
        body {any_value},
        attributes {key_values},
        flags UInt32, trace_id String, span_id String, event_name String
      ))
    ))
  )),
  {tail}
) ENGINE = Null;

CREATE TABLE IF NOT EXISTS log_rows {on_cluster} (
  tenant LowCardinality(String),
  ts DateTime64(9),
  observed_ts DateTime64(9),
  service LowCardinality(String),
  resource_id UInt64,
  severity_number UInt8,
  severity_text LowCardinality(String),
  level LowCardinality(String),
  body String,
  {attribute_maps attr},
  trace_id FixedString(16),
  span_id FixedString(8),
  flags UInt32,
  event_name LowCardinality(String),
  scope_name LowCardinality(String),
  scope_version LowCardinality(String)
) ENGINE = Null;

-- A record without a time has the time it was observed at, else the time it was received at (OTLP: 0 means unknown).
CREATE MATERIALIZED VIEW IF NOT EXISTS log_rows_view {on_cluster} TO log_rows AS
SELECT
  tenant,
  {timestamp if(occurred != 0, occurred, if(observed != 0, observed, received_unix_nano))} AS ts,
  {timestamp if(observed != 0, observed, received_unix_nano)} AS observed_ts,
  service,
  resource_id,
  toUInt8({known_severity severity}) AS severity_number,
  severity_text,
  {level severity severity_text attributes} AS level,
  {text_of_value text} AS body,
  {maps_of attributes attr},
  {fixed id_of_trace 16} AS trace_id,
  {fixed id_of_span 8} AS span_id,
  flags,
  event_name,
  scope_name,
  scope_version
FROM (
  SELECT
    tenant, received_unix_nano, service, resource_id, scope_name, scope_version,
    {field l.time_unix_nano} AS occurred,
    {field l.observed_time_unix_nano} AS observed,
    {field l.severity_number} AS severity,
    {field l.severity_text} AS severity_text,
    {field l.body} AS text,
    {field l.attributes} AS attributes,
    {field l.trace_id} AS id_of_trace,
    {field l.span_id} AS id_of_span,
    {field l.flags} AS flags,
    {field l.event_name} AS event_name
  FROM (
    SELECT
      tenant, received_unix_nano, service, resource_id,
      {field sl.scope.name} AS scope_name,
      {field sl.scope.version} AS scope_version,
      arrayJoin({field sl.log_records}) AS l
    FROM (
      SELECT tenant, received_unix_nano, r.1 AS service, r.2 AS resource_id, arrayJoin(r.3) AS sl
      FROM (
        SELECT tenant, received_unix_nano, arrayJoin(arrayZip(
          arrayMap(r -> {service_of r.attributes}, resource_logs.resource),
          arrayMap(r -> cityHash64({field r.attributes}), resource_logs.resource),
          resource_logs.scope_logs
        )) AS r
        FROM logs_in
      )
    )
  )
);

CREATE TABLE IF NOT EXISTS logs {on_cluster} (
  tenant LowCardinality(String),
  ts DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  observed_ts DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  service LowCardinality(String),
  resource_id UInt64,
  severity_number UInt8,
  severity_text LowCardinality(String),
  level LowCardinality(String),
  body String CODEC(ZSTD(1)),
  {attribute_maps attr},
  trace_id FixedString(16),
  span_id FixedString(8),
  flags UInt32,
  event_name LowCardinality(String),
  scope_name LowCardinality(String),
  scope_version LowCardinality(String),
  INDEX trace_id_bloom trace_id TYPE bloom_filter(0.001)
) ENGINE = {engine plain}
PARTITION BY toYYYYMMDD(ts)
ORDER BY (tenant, toStartOfFiveMinutes(ts), service, ts)
SETTINGS {dedup}, map_serialization_version = 'with_buckets', map_buckets_min_avg_size = 8,
  vertical_merge_algorithm_min_rows_to_activate = 32768;

CREATE MATERIALIZED VIEW IF NOT EXISTS logs_view {on_cluster} TO logs AS SELECT * FROM log_rows;

CREATE MATERIALIZED VIEW IF NOT EXISTS log_resources_view {on_cluster} TO resources AS
SELECT
  tenant,
  arrayJoin(days) AS day,
  cityHash64(attributes) AS resource_id,
  {service_of attributes} AS service,
  {maps_of attributes attr}
FROM (
  SELECT
    tenant,
    {field r.1.attributes} AS attributes,
    arrayDistinct(arrayMap(
      (t, o) -> toDate32({timestamp if(t != 0, t, if(o != 0, o, received_unix_nano))}),
      arrayFlatten(r.2), arrayFlatten(r.3)
    )) AS days
  FROM (
    SELECT tenant, received_unix_nano, arrayJoin(arrayZip(
      resource_logs.resource,
      resource_logs.scope_logs.log_records.time_unix_nano,
      resource_logs.scope_logs.log_records.observed_time_unix_nano
    )) AS r
    FROM logs_in
  )
)
LIMIT 1 BY tenant, day, resource_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS log_attr_values_view {on_cluster} TO attr_values AS
SELECT
  tenant, quarter AS ts, 'logs' AS signal, 'log' AS scope, item.1 AS key, item.2 AS type, item.3 AS value,
  sum(weight) AS count
FROM (
  SELECT
    tenant,
    toDateTime64(toStartOfFifteenMinutes(ts), 0) AS quarter,
    {attribute_items attr} AS item,
    greatest(1, intDiv(blockSize(), 8192)) AS weight
  FROM log_rows
  WHERE cityHash64(ts, body) % greatest(1, intDiv(blockSize(), 8192)) = 0
)
WHERE length(item.3) <= 128
GROUP BY tenant, quarter, key, type, value;

-- Feedback and evaluations: log events about a trace or a span (`sonde.feedback`, and OpenTelemetry's `gen_ai.evaluation.result`).
CREATE TABLE IF NOT EXISTS scores {on_cluster} (
  tenant LowCardinality(String),
  ts DateTime64(9),
  score_id String,
  trace_id FixedString(16),
  span_id FixedString(8),
  session_id String,
  name LowCardinality(String),
  data_type LowCardinality(String),
  value Nullable(Float64),
  string_value String,
  user_id String,
  comment String,
  source LowCardinality(String),
  service LowCardinality(String),
  INDEX trace_id_bloom trace_id TYPE bloom_filter(0.001)
) ENGINE = {engine plain}
PARTITION BY toYYYYMMDD(ts)
ORDER BY (tenant, name, toStartOfHour(ts), ts)
SETTINGS {dedup};

CREATE MATERIALIZED VIEW IF NOT EXISTS scores_view {on_cluster} TO scores AS
SELECT
  tenant, ts,
  if(attr_str['sonde.feedback.score_id'] != '', attr_str['sonde.feedback.score_id'],
     lower(hex(sipHash128(tenant, ts, trace_id, span_id, attr_str, attr_int, attr_float)))) AS score_id,
  trace_id, span_id,
  attr_str[if(is_feedback, 'sonde.feedback.session_id', 'session.id')] AS session_id,
  if(is_feedback, if(attr_str['sonde.feedback.name'] != '', attr_str['sonde.feedback.name'], 'user_feedback'),
     attr_str['gen_ai.evaluation.name']) AS name,
  multiIf(value IS NOT NULL AND mapContains(attr_bool, value_key), 'boolean', value IS NOT NULL, 'numeric', 'categorical') AS data_type,
  multiIf(mapContains(attr_float, value_key), attr_float[value_key], mapContains(attr_int, value_key), toFloat64(attr_int[value_key]),
          mapContains(attr_bool, value_key), toFloat64(attr_bool[value_key]), NULL) AS value,
  attr_str[if(is_feedback, 'sonde.feedback.value', 'gen_ai.evaluation.score.label')] AS string_value,
  attr_str[if(is_feedback, 'sonde.feedback.user_id', 'user.id')] AS user_id,
  attr_str[if(is_feedback, 'sonde.feedback.comment', 'gen_ai.evaluation.explanation')] AS comment,
  if(is_feedback, 'feedback', 'evaluation') AS source,
  service
FROM (
  SELECT *, event_name = 'sonde.feedback' AS is_feedback,
    if(is_feedback, 'sonde.feedback.rating', 'gen_ai.evaluation.score.value') AS value_key
  FROM log_rows
  WHERE event_name IN ('sonde.feedback', 'gen_ai.evaluation.result')
);
