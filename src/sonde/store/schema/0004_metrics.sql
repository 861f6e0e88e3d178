-- Metrics: OTLP's five kinds of metric, as Prometheus' series.
--
-- metrics_in (Null) → metric_rows (Null: a row a metric, its points still in arrays)
--   → sample_rows (Null: a row a sample) → samples, series
--   → point_rows (Null: a row a point that is more than one number)
--       → sample_rows (classic histograms, summaries), histograms and series (native histograms), exemplars
--   → metadata
--
-- What an insert costs before it has any data is the planning of its views, so few of them have long expressions. Names and
-- labels are translated as Prometheus' OTLP receiver does it (store/metric_names.py). A series has the id
-- {series_id metric labels}, whatever protocol it came by. No value is changed: deltas stay deltas, beside their start_ts,
-- with which PromQL's rate() and increase() are right for them too. A start_ts of 1970 is unknown.

CREATE TABLE IF NOT EXISTS metrics_in {on_cluster} (
  resource_metrics Array(Tuple(
    resource Tuple(attributes {shallow_key_values}),
    scope_metrics Array(Tuple(
      metrics Array(Tuple(
        name String, description String, unit String, data {metric_data},
        gauge Tuple(data_points {number_points}),
        sum Tuple(data_points {number_points}, aggregation_temporality Int32, is_monotonic Bool),
        histogram Tuple(data_points {histogram_points}, aggregation_temporality Int32),
        exponential_histogram Tuple(data_points {exponential_points}, aggregation_temporality Int32),
        summary Tuple(data_points {summary_points})
      ))
    ))
  )),
  {tail},
  metric_names UInt32
) ENGINE = Null;

-- `identity` is what the resource gives to all its series: the names and values of instance and job.
-- `target_times` (milliseconds) is filled for the first metric of a resource: when its target_info has samples.
CREATE TABLE IF NOT EXISTS metric_rows {on_cluster} (
  tenant LowCardinality(String),
  metric_names UInt32,
  metric LowCardinality(String),
  day Date32,
  type LowCardinality(String),
  unit LowCardinality(String),
  help String,
  temporality {temporality},
  identity Tuple(names Array(String), values Array(String)),
  target_labels Map(String, String),
  target_times Array(Int64),
  number_points {number_points},
  composite_points {composite_points}
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS metric_rows_view {on_cluster} TO metric_rows AS
SELECT
  tenant,
  metric_names,
  {metric_name name metric_names unit_words per_unit_words is_counter is_ratio} AS metric,
  toDate32(fromUnixTimestamp64Milli(latest)) AS day,
  multiIf(is_counter, 'counter', kind = 'sum', 'gauge', kind = 'exponential_histogram', 'histogram', kind = 'none', 'unknown', kind) AS type,
  {unit_text unit_words per_unit_words} AS unit,
  help,
  {enumerated otlp_temporality temporality} AS temporality,
  identity,
  target_labels,
  if(position = 1 AND is_target, arrayPushBack(range(earliest, latest, target_step), latest), []) AS target_times,
  number_points,
  composite_points
FROM (
  SELECT
    tenant, metric_names, identity, target_labels, is_target, target_step, earliest, latest,
    position,
    m.name AS name,
    m.description AS help,
    toString(m.data) AS kind,
    kind = 'sum' AND m.sum.is_monotonic AS is_counter,
    kind = 'gauge' AND m.unit = '1' AS is_ratio,
    {unit m.unit} AS unit_words,
    {per_unit m.unit} AS per_unit_words,
    greatest(m.sum.aggregation_temporality, m.histogram.aggregation_temporality, m.exponential_histogram.aggregation_temporality) AS otlp_temporality,
    arrayConcat(m.gauge.data_points, m.sum.data_points) AS number_points,
    arrayConcat(
      arrayMap(
        p -> (p.attributes, p.start_time_unix_nano, p.time_unix_nano, p.flags, {classic_of_histogram p}, [],
              arrayPushBack(p.explicit_bounds, inf), p.exemplars),
        m.histogram.data_points
      ),
      arrayMap(
        p -> (p.attributes, p.start_time_unix_nano, p.time_unix_nano, p.flags, {classic_of_summary p}, [], [], []),
        m.summary.data_points
      ),
      arrayMap(
        p -> (p.attributes, p.start_time_unix_nano, p.time_unix_nano, p.flags, [], [{native_of_exponential p}], [], p.exemplars),
        m.exponential_histogram.data_points
      ),
      arrayMap(
        p -> (p.attributes, p.start_time_unix_nano, p.time_unix_nano, p.flags, [], [], [], p.exemplars),
        arrayFilter(p -> notEmpty(p.exemplars), number_points)
      )
    ) AS composite_points
  FROM (
    SELECT
      tenant, metric_names, identity, earliest, latest,
      notEmpty(identity.1) AND notEmpty(keys) AND has_points AS is_target,
      -- half of PromQL's lookback, so that any time between finds one; wider steps where a body's points are days apart
      greatest(150000, intDiv(latest - earliest, 1000)) AS target_step,
      {merged_labels keys names values identity} AS target_labels,
      metrics
    FROM (
      SELECT
        tenant, metric_names, metrics,
        arrayFilter(k -> k NOT IN ('service.name', 'service.namespace', 'service.instance.id'), all_keys) AS keys,
        {label_names keys metric_names} AS names,
        arrayFilter((v, k) -> k NOT IN ('service.name', 'service.namespace', 'service.instance.id'), all_values, all_keys) AS values,
        all_values[indexOf(all_keys, 'service.instance.id')] AS instance,
        all_values[indexOf(all_keys, 'service.name')] AS service,
        if(has(all_keys, 'service.namespace') AND has(all_keys, 'service.name'),
           concat(all_values[indexOf(all_keys, 'service.namespace')], '/', service), service) AS job,
        (arrayFilter((n, v) -> v != '', ['instance', 'job'], [instance, job]), arrayFilter(v -> v != '', [instance, job])) AS identity,
        notEmpty(times) AS has_points,
        {milliseconds arrayMin(times)} AS earliest,
        {milliseconds arrayMax(times)} AS latest
      FROM (
        SELECT
          tenant, metric_names,
          arrayFlatten(rm.scope_metrics.metrics) AS metrics,
          rm.resource.attributes.key AS all_keys,
          arrayMap(v -> {text_of_shallow_value v}, rm.resource.attributes.value) AS all_values,
          arrayConcat(
            arrayFlatten(metrics.gauge.data_points.time_unix_nano), arrayFlatten(metrics.sum.data_points.time_unix_nano),
            arrayFlatten(metrics.histogram.data_points.time_unix_nano), arrayFlatten(metrics.summary.data_points.time_unix_nano),
            arrayFlatten(metrics.exponential_histogram.data_points.time_unix_nano)
          ) AS times
        FROM (SELECT tenant, metric_names, arrayJoin(resource_metrics) AS rm FROM metrics_in)
      )
    )
  )
  ARRAY JOIN metrics AS m, arrayEnumerate(metrics) AS position
);

CREATE TABLE IF NOT EXISTS sample_rows {on_cluster} (
  tenant LowCardinality(String),
  metric LowCardinality(String),
  id UInt64,
  ts DateTime64(3),
  start_ts DateTime64(3),
  value Float64,
  temporality {temporality},
  labels Map(String, String)
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS number_samples_view {on_cluster} TO sample_rows AS
SELECT
  tenant,
  metric,
  {series_id metric labels} AS id,
  fromUnixTimestamp64Milli({milliseconds p.time_unix_nano}) AS ts,
  fromUnixTimestamp64Milli({milliseconds p.start_time_unix_nano}) AS start_ts,
  {point_value p number} AS value,
  temporality,
  labels
FROM (
  SELECT
    tenant, metric, temporality, p,
    {number_of p} AS number,
    p.attributes.key AS keys,
    {label_names keys metric_names} AS names,
    {label_values p.attributes.value} AS values,
    {merged_labels keys names values identity} AS labels
  FROM (SELECT tenant, metric, temporality, identity, metric_names, arrayJoin(number_points) AS p FROM metric_rows)
);

-- `classic` are a point's samples as (suffix of the metric's name, label, the label's text, value); `native` is its histogram
-- if it is a native one; `bounds` are those of its buckets, if the point has `le`, for its exemplars.
CREATE TABLE IF NOT EXISTS point_rows {on_cluster} (
  tenant LowCardinality(String),
  metric LowCardinality(String),
  id UInt64,
  ts DateTime64(3),
  start_ts DateTime64(3),
  flags UInt32,
  temporality {temporality},
  labels Map(String, String),
  classic {classic},
  native {native},
  bounds Array(Float64),
  exemplars {exemplars}
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS point_rows_view {on_cluster} TO point_rows AS
SELECT
  tenant,
  metric,
  {series_id metric labels} AS id,
  fromUnixTimestamp64Milli({milliseconds p.time_unix_nano}) AS ts,
  fromUnixTimestamp64Milli({milliseconds p.start_time_unix_nano}) AS start_ts,
  p.flags AS flags,
  temporality,
  labels,
  p.classic AS classic,
  p.native AS native,
  p.bounds AS bounds,
  p.exemplars AS exemplars
FROM (
  SELECT
    tenant, metric, temporality, p,
    p.attributes.key AS keys,
    {label_names keys metric_names} AS names,
    {label_values p.attributes.value} AS values,
    {merged_labels keys names values identity} AS labels
  FROM (SELECT tenant, metric, temporality, identity, metric_names, arrayJoin(composite_points) AS p FROM metric_rows)
);

CREATE MATERIALIZED VIEW IF NOT EXISTS classic_samples_view {on_cluster} TO sample_rows AS
SELECT
  tenant,
  concat(toString(family), c.suffix) AS metric,
  {series_id metric labels} AS id,
  ts,
  start_ts,
  {point_value point_rows c.value} AS value,
  temporality,
  if(c.label = '', point_labels, mapSort(mapUpdate(point_labels, map(c.label, c.text)))) AS labels
FROM (SELECT tenant, metric AS family, ts, start_ts, flags, temporality, labels AS point_labels, arrayJoin(classic) AS c FROM point_rows) AS point_rows;

-- What is known of a resource beside job and instance, to be joined with its other series on these two.
CREATE MATERIALIZED VIEW IF NOT EXISTS target_samples_view {on_cluster} TO sample_rows AS
SELECT
  tenant,
  'target_info' AS metric,
  {series_id metric target_labels} AS id,
  fromUnixTimestamp64Milli(arrayJoin(target_times)) AS ts,
  fromUnixTimestamp64Milli(toInt64(0)) AS start_ts,
  1 AS value,
  {enumerated 0 temporality} AS temporality,
  target_labels AS labels
FROM metric_rows
WHERE notEmpty(target_times);

CREATE TABLE IF NOT EXISTS samples {on_cluster} (
  tenant LowCardinality(String),
  metric LowCardinality(String),
  id UInt64,
  ts DateTime64(3) CODEC(Delta(8), ZSTD(1)),
  start_ts DateTime64(3) CODEC(Delta(8), ZSTD(1)),
  value Float64 CODEC(ZSTD(1))
) ENGINE = {engine plain}
PARTITION BY toYYYYMMDD(ts)
ORDER BY (tenant, metric, id, ts)
SETTINGS {dedup};

CREATE MATERIALIZED VIEW IF NOT EXISTS samples_view {on_cluster} TO samples AS
SELECT tenant, metric, id, ts, start_ts, value FROM sample_rows;

-- Each series once a day; read it with LIMIT 1 BY id. What is known already is not written again. A retried insert finds
-- out anew what is missing, so this table needs no tokens: it must not skip a block that differs from the first attempt's.
CREATE TABLE IF NOT EXISTS series {on_cluster} (
  tenant LowCardinality(String),
  metric LowCardinality(String),
  id UInt64,
  day Date32,
  labels Map(LowCardinality(String), String),
  temporality {temporality}
) ENGINE = {engine Replacing}
PARTITION BY toYYYYMMDD(day)
ORDER BY (tenant, metric, id, day)
SETTINGS {no_dedup};

CREATE MATERIALIZED VIEW IF NOT EXISTS series_view {on_cluster} TO series AS
SELECT tenant, metric, id, toDate32(ts) AS day, labels, temporality
FROM sample_rows
WHERE (tenant, metric, id, day) NOT IN (
  SELECT tenant, metric, id, day FROM series
  WHERE day IN (SELECT toDate32(ts) FROM sample_rows) AND metric IN (SELECT metric FROM sample_rows)
)
LIMIT 1 BY tenant, metric, id, day;

-- Native histograms: OTLP's exponential ones, and what remote write and protobuf scrapes bring. Only filled buckets are kept,
-- as (index, count), numbered as Prometheus numbers them: index i of schema s ends at 2^(i * 2^-s). Schema -53 has custom
-- bounds: index i ends at custom_bounds[i + 1]. All counts are absolute, and floats as PromQL computes with them; `is_float`
-- tells those that were not sent as integers. A stale marker is a sum and a count of that NaN. min and max: NaN if unknown.
CREATE TABLE IF NOT EXISTS histograms {on_cluster} (
  tenant LowCardinality(String),
  metric LowCardinality(String),
  id UInt64,
  ts DateTime64(3) CODEC(Delta(8), ZSTD(1)),
  start_ts DateTime64(3) CODEC(Delta(8), ZSTD(1)),
  counter_reset {counter_reset},
  is_float Bool,
  schema Int8,
  zero_threshold Float64 CODEC(ZSTD(1)),
  zero_count Float64 CODEC(ZSTD(1)),
  count Float64 CODEC(ZSTD(1)),
  sum Float64 CODEC(ZSTD(1)),
  min Float64 CODEC(ZSTD(1)),
  max Float64 CODEC(ZSTD(1)),
  positive Nested(index Int32, count Float64),
  negative Nested(index Int32, count Float64),
  custom_bounds Array(Float64) CODEC(ZSTD(1))
) ENGINE = {engine plain}
PARTITION BY toYYYYMMDD(ts)
ORDER BY (tenant, metric, id, ts)
SETTINGS {dedup};

CREATE MATERIALIZED VIEW IF NOT EXISTS histograms_view {on_cluster} TO histograms AS
SELECT
  tenant, metric, id, ts, start_ts,
  {enumerated if(temporality='delta',3,0) counter_reset} AS counter_reset,
  false AS is_float,
  h.schema AS schema,
  h.zero_threshold AS zero_threshold,
  h.zero_count AS zero_count,
  {point_value point_rows h.count} AS count,
  {point_value point_rows h.sum} AS sum,
  h.min AS min,
  h.max AS max,
  h.positive.1 AS `positive.index`,
  h.positive.2 AS `positive.count`,
  h.negative.1 AS `negative.index`,
  h.negative.2 AS `negative.count`,
  emptyArrayFloat64() AS custom_bounds
FROM (SELECT tenant, metric, id, ts, start_ts, flags, temporality, arrayJoin(native) AS h FROM point_rows) AS point_rows;

CREATE MATERIALIZED VIEW IF NOT EXISTS histogram_series_view {on_cluster} TO series AS
SELECT tenant, metric, id, toDate32(ts) AS day, labels, temporality
FROM point_rows
WHERE notEmpty(native) AND (tenant, metric, id, day) NOT IN (
  SELECT tenant, metric, id, day FROM series
  WHERE day IN (SELECT toDate32(ts) FROM point_rows) AND metric IN (SELECT metric FROM point_rows)
)
LIMIT 1 BY tenant, metric, id, day;

-- Exemplars belong to the series of their point; those of a classic histogram to the first bucket that their value fits in:
-- sorted among the bounds (which come behind equal values), each value is followed by the bound it looks for.
CREATE TABLE IF NOT EXISTS exemplars {on_cluster} (
  tenant LowCardinality(String),
  metric LowCardinality(String),
  id UInt64,
  ts DateTime64(3) CODEC(Delta(8), ZSTD(1)),
  value Float64 CODEC(ZSTD(1)),
  trace_id FixedString(16),
  span_id FixedString(8),
  labels Map(LowCardinality(String), String)
) ENGINE = {engine plain}
PARTITION BY toYYYYMMDD(ts)
ORDER BY (tenant, metric, id, ts)
SETTINGS {dedup};

CREATE MATERIALIZED VIEW IF NOT EXISTS exemplars_view {on_cluster} TO exemplars AS
SELECT
  tenant,
  if(is_bucket, concat(family, '_bucket'), family) AS metric,
  if(is_bucket, {series_id metric series_labels}, point_id) AS id,
  fromUnixTimestamp64Milli({milliseconds e.time_unix_nano}) AS ts,
  {number_of e} AS value,
  {fixed e.trace_id 16} AS trace_id,
  {fixed e.span_id 8} AS span_id,
  mapSort(CAST((e.filtered_attributes.key, {label_values e.filtered_attributes.value}), 'Map(String, String)')) AS labels
FROM (
  SELECT
    tenant, family, point_id, is_bucket, item.3 AS e,
    if(is_bucket, mapSort(mapUpdate(point_labels, map('le', {float_text item.1}))), point_labels) AS series_labels
  FROM (
    SELECT
      tenant, family, point_id, is_bucket, point_labels,
      arrayJoin(arrayFilter(
        item -> item.2 = 0,
        arrayZip(arrayReverseFill((value, is_bound) -> is_bound = 1, ranked.1, ranked.2), ranked.2, ranked.3)
      )) AS item
    FROM (
      SELECT
        tenant, toString(metric) AS family, id AS point_id, labels AS point_labels, notEmpty(bounds) AS is_bucket,
        arraySort(item -> (item.1, item.2), arrayConcat(
          arrayMap(e -> (if(isNaN({number_of e}), inf, {number_of e}), 0, e), exemplars),
          arrayMap(bound -> (bound, 1, arrayFirst(e -> false, exemplars)), bounds)
        )) AS ranked
      FROM point_rows
      WHERE notEmpty(exemplars)
    )
  )
);

CREATE TABLE IF NOT EXISTS metadata {on_cluster} (
  tenant LowCardinality(String),
  metric LowCardinality(String),
  day Date32,
  type LowCardinality(String),
  unit LowCardinality(String),
  help String,
  temporality {temporality}
) ENGINE = {engine Replacing}
PARTITION BY toYYYYMMDD(day)
ORDER BY (tenant, metric, type, unit, help, temporality, day)
SETTINGS {no_dedup};

CREATE MATERIALIZED VIEW IF NOT EXISTS metadata_view {on_cluster} TO metadata AS
SELECT tenant, metric, day, type, unit, help, temporality
FROM metric_rows
WHERE (notEmpty(number_points) OR notEmpty(composite_points)) AND (tenant, metric, day, type, unit, help, temporality) NOT IN (
  SELECT tenant, metric, day, type, unit, help, temporality FROM metadata WHERE day IN (SELECT day FROM metric_rows)
)
LIMIT 1 BY tenant, metric, day, type, unit, help, temporality;
