-- Spans: the landing table of the wire message, one flat view, and what that view feeds.
--
-- traces_in (Null) → span_rows (Null) → spans, trace_index, red_1m, attr_values, rag_traces, llm_inbox
-- traces_in (Null) → resources
--
-- Each view on the deep wire type costs some 20 ms an insert; so one view flattens it, and the others read flat rows.
-- A zero id means that there is none. All views are total: what receivers accept can be stored.

CREATE TABLE IF NOT EXISTS traces_in {on_cluster} (
  resource_spans Array(Tuple(
    resource {resource},
    scope_spans Array(Tuple(
      scope {scope},
      spans Array(Tuple(
        trace_id FixedString(16), span_id FixedString(8), trace_state String, parent_span_id FixedString(8), name String, kind Int32,
        start_time_unix_nano UInt64, end_time_unix_nano UInt64,
        attributes {key_values},
        events Array(Tuple(time_unix_nano UInt64, name String, attributes {key_values})),
        links Array(Tuple(trace_id String, span_id String, trace_state String, attributes {key_values})),
        status Tuple(message String, code Int32),
        flags UInt32
      ))
    ))
  )),
  {tail}
) ENGINE = Null;

CREATE TABLE IF NOT EXISTS span_rows {on_cluster} (
  tenant LowCardinality(String),
  ts DateTime64(9),
  trace_id FixedString(16),
  span_id FixedString(8),
  parent_span_id FixedString(8),
  service LowCardinality(String),
  name LowCardinality(String),
  kind {span_kind},
  status_code {status_code},
  status_message String,
  duration_nano UInt64,
  {attribute_maps attr},
  resource_id UInt64,
  scope_name LowCardinality(String),
  scope_version LowCardinality(String),
  trace_state String,
  flags UInt32,
  events Nested(ts DateTime64(9), name LowCardinality(String), attributes String),
  links Nested(trace_id FixedString(16), span_id FixedString(8), trace_state String, attributes String)
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS span_rows_view {on_cluster} TO span_rows AS
SELECT
  tenant,
  {timestamp started} AS ts,
  trace_id, span_id, parent_span_id,
  service,
  name,
  {enumerated kind_number span_kind} AS kind,
  {enumerated status_number status_code} AS status_code,
  status_message,
  if(ended > started, ended - started, 0) AS duration_nano,
  {maps_of attributes attr},
  resource_id,
  scope_name,
  scope_version,
  trace_state,
  flags,
  arrayMap(t -> {timestamp t}, event_times) AS `events.ts`,
  event_names AS `events.name`,
  arraySlice(objects, 1, length(event_names)) AS `events.attributes`,
  arrayMap(id -> {fixed id 16}, link_trace_ids) AS `links.trace_id`,
  arrayMap(id -> {fixed id 8}, link_span_ids) AS `links.span_id`,
  link_states AS `links.trace_state`,
  arraySlice(objects, length(event_names) + 1) AS `links.attributes`
FROM (
  SELECT
    tenant, service, resource_id, scope_name, scope_version,
    {field s.start_time_unix_nano} AS started,
    {field s.end_time_unix_nano} AS ended,
    {field s.trace_id} AS trace_id,
    {field s.span_id} AS span_id,
    {field s.parent_span_id} AS parent_span_id,
    {field s.name} AS name,
    {field s.kind} AS kind_number,
    {field s.status.code} AS status_number,
    {field s.status.message} AS status_message,
    {field s.attributes} AS attributes,
    {field s.trace_state} AS trace_state,
    {field s.flags} AS flags,
    {field s.events.time_unix_nano} AS event_times,
    {field s.events.name} AS event_names,
    {field s.links.trace_id} AS link_trace_ids,
    {field s.links.span_id} AS link_span_ids,
    {field s.links.trace_state} AS link_states,
    -- attributes of events and links as JSON, in one go
    arrayMap(list -> {json_of list}, arrayConcat({field s.events.attributes}, {field s.links.attributes})) AS objects
  FROM (
    SELECT
      tenant, service, resource_id,
      {field ss.scope.name} AS scope_name,
      {field ss.scope.version} AS scope_version,
      arrayJoin({field ss.spans}) AS s
    FROM (
      -- service and resource_id inside arrayMap: there they are computed once a resource, beside it once a span
      SELECT tenant, r.1 AS service, r.2 AS resource_id, arrayJoin(r.3) AS ss
      FROM (
        SELECT tenant, arrayJoin(arrayZip(
          arrayMap(r -> {service_of r.attributes}, resource_spans.resource),
          arrayMap(r -> cityHash64({field r.attributes}), resource_spans.resource),
          resource_spans.scope_spans
        )) AS r
        FROM traces_in
      )
    )
  )
);

CREATE TABLE IF NOT EXISTS spans {on_cluster} (
  tenant LowCardinality(String),
  ts DateTime64(9) CODEC(Delta(8), ZSTD(1)),
  trace_id FixedString(16),
  span_id FixedString(8),
  parent_span_id FixedString(8),
  service LowCardinality(String),
  name LowCardinality(String),
  kind {span_kind},
  status_code {status_code},
  status_message String,
  duration_nano UInt64 CODEC(T64, ZSTD(1)),
  {attribute_maps attr},
  resource_id UInt64,
  scope_name LowCardinality(String),
  scope_version LowCardinality(String),
  trace_state String,
  flags UInt32,
  events Nested(ts DateTime64(9), name LowCardinality(String), attributes String),
  links Nested(trace_id FixedString(16), span_id FixedString(8), trace_state String, attributes String),
  INDEX trace_id_bloom trace_id TYPE bloom_filter(0.001)
) ENGINE = {engine plain}
PARTITION BY toYYYYMMDD(ts)
ORDER BY (tenant, service, name, toStartOfFiveMinutes(ts), ts)
SETTINGS {dedup}, map_serialization_version = 'with_buckets', map_buckets_min_avg_size = 8,
  vertical_merge_algorithm_min_rows_to_activate = 32768;

CREATE MATERIALIZED VIEW IF NOT EXISTS spans_view {on_cluster} TO spans AS SELECT * FROM span_rows;

-- From an id to its time range, root and counts; rows of one trace add up, so read it with GROUP BY trace_id.
-- `root` is the smallest (has_parent, ts): the root span, or the earliest orphan while the root has not come.
CREATE TABLE IF NOT EXISTS trace_index {on_cluster} (
  tenant LowCardinality(String),
  trace_id FixedString(16),
  day Date32,
  start_ts SimpleAggregateFunction(min, DateTime64(9)),
  end_ts SimpleAggregateFunction(max, DateTime64(9)),
  span_count SimpleAggregateFunction(sum, UInt64),
  error_count SimpleAggregateFunction(sum, UInt64),
  root SimpleAggregateFunction(min, Tuple(has_parent UInt8, ts DateTime64(9), service String, name String)),
  service_spans SimpleAggregateFunction(sumMap, Map(String, UInt64)),
  service_errors SimpleAggregateFunction(sumMap, Map(String, UInt64))
) ENGINE = {engine Aggregating}
PARTITION BY toYYYYMMDD(day)
PRIMARY KEY (tenant, trace_id)
ORDER BY (tenant, trace_id, day)
SETTINGS {dedup}, index_granularity = 1024;

CREATE MATERIALIZED VIEW IF NOT EXISTS trace_index_view {on_cluster} TO trace_index AS
SELECT
  tenant,
  trace_id,
  toDate32(span_rows.ts) AS day,
  min(ts) AS start_ts,
  max(ts + toIntervalNanosecond(least(duration_nano, 9200000000000000000 - toUnixTimestamp64Nano(ts)))) AS end_ts,
  count() AS span_count,
  countIf(status_code = 'error') AS error_count,
  CAST(
    min((toUInt8(parent_span_id != toFixedString('', 8)), ts, toString(service), toString(name))),
    'Tuple(has_parent UInt8, ts DateTime64(9), service String, name String)'
  ) AS root,
  sumMap(map(toString(service), toUInt64(1))) AS service_spans,
  sumMap(map(toString(service), toUInt64(status_code = 'error'))) AS service_errors
FROM span_rows
GROUP BY tenant, trace_id, day;

-- Rate, errors, durations of each operation by the minute. Bucket b counts durations in (2^((b-1)/8), 2^(b/8)] ns,
-- so a quantile read from it is at most 4.5 % off, whatever is merged with whatever.
CREATE TABLE IF NOT EXISTS red_1m {on_cluster} (
  tenant LowCardinality(String),
  service LowCardinality(String),
  name LowCardinality(String),
  kind {span_kind},
  ts DateTime64(0),
  spans SimpleAggregateFunction(sum, UInt64),
  errors SimpleAggregateFunction(sum, UInt64),
  roots SimpleAggregateFunction(sum, UInt64),
  duration_sum_nano SimpleAggregateFunction(sum, UInt64),
  duration_buckets SimpleAggregateFunction(sumMap, Map(Int16, UInt64))
) ENGINE = {engine Aggregating}
PARTITION BY toYYYYMMDD(ts)
ORDER BY (tenant, service, name, kind, ts)
SETTINGS {dedup};

CREATE MATERIALIZED VIEW IF NOT EXISTS red_1m_view {on_cluster} TO red_1m AS
SELECT
  tenant, service, name, kind, minute AS ts,
  sum(bucket_spans) AS spans,
  sum(bucket_errors) AS errors,
  sum(bucket_roots) AS roots,
  sum(bucket_sum) AS duration_sum_nano,
  sumMap(map(bucket, bucket_spans)) AS duration_buckets
FROM (
  SELECT
    tenant, service, name, kind,
    toDateTime64(toStartOfMinute(ts), 0) AS minute,
    toInt16(ceil(8 * log2(greatest(duration_nano, 1)))) AS bucket,
    count() AS bucket_spans,
    countIf(status_code = 'error') AS bucket_errors,
    countIf(parent_span_id = toFixedString('', 8)) AS bucket_roots,
    sum(duration_nano) AS bucket_sum
  FROM span_rows
  GROUP BY tenant, service, name, kind, minute, bucket
)
GROUP BY tenant, service, name, kind, ts;

-- Resource attributes once a day and resource; spans and log records point here by resource_id.
CREATE TABLE IF NOT EXISTS resources {on_cluster} (
  tenant LowCardinality(String),
  day Date32,
  resource_id UInt64,
  service LowCardinality(String),
  {attribute_maps attr}
) ENGINE = {engine Replacing}
PARTITION BY toYYYYMMDD(day)
ORDER BY (tenant, resource_id, day)
SETTINGS {dedup};

CREATE MATERIALIZED VIEW IF NOT EXISTS trace_resources_view {on_cluster} TO resources AS
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
    arrayDistinct(arrayMap(t -> toDate32({timestamp t}), arrayFlatten(r.2))) AS days
  FROM (
    SELECT tenant, arrayJoin(arrayZip(resource_spans.resource, resource_spans.scope_spans.spans.start_time_unix_nano)) AS r
    FROM traces_in
  )
)
LIMIT 1 BY tenant, day, resource_id;

-- What keys and values there are, for autocompletion and facets; counts are estimates, because large inserts are sampled.
CREATE TABLE IF NOT EXISTS attr_values {on_cluster} (
  tenant LowCardinality(String),
  ts DateTime64(0),
  signal LowCardinality(String),
  scope LowCardinality(String),
  key LowCardinality(String),
  type LowCardinality(String),
  value String,
  count SimpleAggregateFunction(sum, UInt64)
) ENGINE = {engine Aggregating}
PARTITION BY toYYYYMMDD(ts)
ORDER BY (tenant, signal, scope, key, type, value, ts)
SETTINGS {dedup};

CREATE MATERIALIZED VIEW IF NOT EXISTS span_attr_values_view {on_cluster} TO attr_values AS
SELECT
  tenant, quarter AS ts, 'spans' AS signal, 'span' AS scope, item.1 AS key, item.2 AS type, item.3 AS value,
  sum(weight) AS count
FROM (
  SELECT
    tenant,
    toDateTime64(toStartOfFifteenMinutes(ts), 0) AS quarter,
    {attribute_items attr} AS item,
    greatest(1, intDiv(blockSize(), 8192)) AS weight
  FROM span_rows
  WHERE cityHash64(span_id) % greatest(1, intDiv(blockSize(), 8192)) = 0
)
WHERE length(item.3) <= 128
GROUP BY tenant, quarter, key, type, value;

CREATE TABLE IF NOT EXISTS rag_traces {on_cluster} (
  tenant LowCardinality(String),
  ts DateTime64(9),
  trace_id FixedString(16),
  span_id FixedString(8),
  service LowCardinality(String),
  query String,
  filters String,
  candidates String,
  recommendation String,
  config_version LowCardinality(String),
  user_id String,
  duration_nano UInt64
) ENGINE = {engine plain}
PARTITION BY toYYYYMMDD(ts)
ORDER BY (tenant, toStartOfHour(ts), ts)
SETTINGS {dedup};

CREATE MATERIALIZED VIEW IF NOT EXISTS rag_traces_view {on_cluster} TO rag_traces AS
SELECT
  tenant, ts, trace_id, span_id, service,
  attr_str['sonde.rag.query'] AS query,
  attr_str['sonde.rag.filters'] AS filters,
  if(mapContains(attr_str, 'sonde.rag.candidates'), attr_str['sonde.rag.candidates'], attr_json['sonde.rag.candidates']) AS candidates,
  attr_str['sonde.rag.recommendation'] AS recommendation,
  attr_str['sonde.rag.config_version'] AS config_version,
  attr_str['user.id'] AS user_id,
  duration_nano
FROM span_rows
WHERE mapContains(attr_str, 'sonde.rag.query');
