-- Prometheus remote write, both versions, and what scrapes bring: into the tables of 0004_metrics.sql.
--
-- prometheus_in (Null) → prometheus_rows (Null: a row a series of a request, its samples still in arrays)
--   → samples, series
--   → prometheus_points (Null: the rows that have more than samples) → histograms, exemplars
-- → metadata
--
-- Receivers have checked every series: its labels are sorted by name, none is there twice or empty, one is `__name__`, all
-- references of version 2 lead to a symbol, and the spans of a histogram have as many buckets as it has counts. No value is
-- changed. Times before 1900 and after 2261 are moved there. A start_ts of 1970 is unknown.

CREATE TABLE IF NOT EXISTS prometheus_in {on_cluster} (
  timeseries Array(Tuple(
    labels {wire_labels}, samples {wire_samples}, exemplars {wire_exemplars}, histograms {wire_histograms}
  )),
  metadata Array(Tuple(type UInt32, metric_family_name String, help String, unit String)),
  symbols Array(String),
  symbol_series Array(Tuple(
    labels_refs Array(UInt32), samples {wire_samples}, histograms {wire_histograms},
    exemplars Array(Tuple(labels_refs Array(UInt32), value Float64, timestamp Int64)),
    metadata Tuple(type UInt32, help_ref UInt32, unit_ref UInt32),
    created_timestamp Int64
  )),
  {tail}
) ENGINE = Null;

-- `created` are the milliseconds at which a count began, for samples that do not say it themselves; 0 where nobody does.
CREATE TABLE IF NOT EXISTS prometheus_rows {on_cluster} (
  tenant LowCardinality(String),
  metric LowCardinality(String),
  id UInt64,
  labels Map(String, String),
  created Int64,
  samples {wire_samples},
  histograms {wire_histograms},
  exemplars {wire_exemplars},
  type LowCardinality(String),
  unit LowCardinality(String),
  help String
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS prometheus_labels_view {on_cluster} TO prometheus_rows AS
SELECT
  tenant,
  s.labels.value[indexOf(s.labels.name, '__name__')] AS metric,
  {series_id metric labels} AS id,
  CAST(arrayFilter(label -> label.1 != '__name__', s.labels), 'Map(String, String)') AS labels,
  toInt64(0) AS created,
  s.samples AS samples,
  s.histograms AS histograms,
  s.exemplars AS exemplars,
  'unknown' AS type,
  '' AS unit,
  '' AS help
FROM (SELECT tenant, arrayJoin(timeseries) AS s FROM prometheus_in);

-- The symbols of all frames are one constant, of which each frame knows where its own begin: beside the series, they would be
-- copied once for every series.
CREATE MATERIALIZED VIEW IF NOT EXISTS prometheus_symbols_view {on_cluster} TO prometheus_rows AS
WITH
  (SELECT arrayFlatten(groupArray(symbols)) FROM prometheus_in) AS all_symbols,
  (SELECT arrayPushFront(arrayCumSum(groupArray(length(symbols))), 0) FROM prometheus_in) AS starts
SELECT
  tenant,
  values[indexOf(names, '__name__')] AS metric,
  {series_id metric labels} AS id,
  mapFromArrays(
    arrayFilter(name -> name != '__name__', names), arrayFilter((value, name) -> name != '__name__', values, names)
  ) AS labels,
  s.created_timestamp AS created,
  s.samples AS samples,
  s.histograms AS histograms,
  arrayMap(
    e -> (arrayZip({symbols_at e.labels_refs 1}, {symbols_at e.labels_refs 2}), e.value, e.timestamp), s.exemplars
  ) AS exemplars,
  {metric_type s.metadata.type} AS type,
  {symbol_at s.metadata.unit_ref} AS unit,
  {symbol_at s.metadata.help_ref} AS help
FROM (
  SELECT tenant, start, size, s, {symbols_at s.labels_refs 1} AS names, {symbols_at s.labels_refs 2} AS values
  FROM (
    SELECT tenant, start, size, arrayJoin(symbol_series) AS s
    FROM (SELECT tenant, symbol_series, starts[rowNumberInBlock() + 1] + 1 AS start, length(symbols) AS size FROM prometheus_in)
  )
);

CREATE MATERIALIZED VIEW IF NOT EXISTS prometheus_samples_view {on_cluster} TO samples AS
SELECT tenant, metric, id, {moment s.timestamp} AS ts, {moment start} AS start_ts, s.value AS value
FROM (
  SELECT tenant, metric, id, s, if(s.start_timestamp != 0, s.start_timestamp, created) AS start
  FROM (SELECT tenant, metric, id, created, arrayJoin(samples) AS s FROM prometheus_rows)
);

CREATE MATERIALIZED VIEW IF NOT EXISTS prometheus_series_view {on_cluster} TO series AS
SELECT tenant, metric, id, day, labels, {enumerated 0 temporality} AS temporality
FROM (
  SELECT
    tenant, metric, id, labels,
    arrayJoin(arrayDistinct(arrayMap(ms -> {day ms}, arrayConcat(samples.timestamp, histograms.timestamp, exemplars.timestamp)))) AS day
  FROM prometheus_rows
)
WHERE (tenant, metric, id, day) NOT IN (
  SELECT tenant, metric, id, day FROM series
  WHERE metric IN (SELECT metric FROM prometheus_rows) AND day IN (
    SELECT arrayJoin(arrayDistinct(arrayMap(ms -> {day ms}, arrayConcat(samples.timestamp, histograms.timestamp, exemplars.timestamp))))
    FROM prometheus_rows
  )
)
LIMIT 1 BY tenant, metric, id, day;

CREATE TABLE IF NOT EXISTS prometheus_points {on_cluster} (
  tenant LowCardinality(String),
  metric LowCardinality(String),
  id UInt64,
  created Int64,
  histograms {wire_histograms},
  exemplars {wire_exemplars}
) ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS prometheus_points_view {on_cluster} TO prometheus_points AS
SELECT tenant, metric, id, created, histograms, exemplars
FROM prometheus_rows
WHERE notEmpty(histograms) OR notEmpty(exemplars);

CREATE MATERIALIZED VIEW IF NOT EXISTS prometheus_histograms_view {on_cluster} TO histograms AS
SELECT
  tenant, metric, id,
  {moment h.timestamp} AS ts,
  {moment start} AS start_ts,
  {enumerated h.reset_hint counter_reset} AS counter_reset,
  h.count = 'count_float' AS is_float,
  toInt8(h.schema) AS schema,
  h.zero_threshold AS zero_threshold,
  h.zero_count_int + h.zero_count_float AS zero_count,
  {total_count h} AS count,
  h.sum AS sum,
  nan AS min,
  nan AS max,
  positives.1 AS `positive.index`,
  positives.2 AS `positive.count`,
  negatives.1 AS `negative.index`,
  negatives.2 AS `negative.count`,
  h.custom_values AS custom_bounds
FROM (
  SELECT
    tenant, metric, id, h,
    if(h.start_timestamp != 0, h.start_timestamp, created) AS start,
    {filled_buckets h.positive} AS positives,
    {filled_buckets h.negative} AS negatives
  FROM (SELECT tenant, metric, id, created, arrayJoin(histograms) AS h FROM prometheus_points)
);

-- The labels trace_id and span_id are columns, where they are ids in the usual spelling; the others stay labels.
CREATE MATERIALIZED VIEW IF NOT EXISTS prometheus_exemplars_view {on_cluster} TO exemplars AS
SELECT
  tenant, metric, id,
  {moment e.timestamp} AS ts,
  e.value AS value,
  unhex(if(trace = '', repeat('0', 32), trace)) AS trace_id,
  unhex(if(span = '', repeat('0', 16), span)) AS span_id,
  mapSort(CAST(arrayFilter(
    label -> NOT (label.1 = 'trace_id' AND label.2 = trace OR label.1 = 'span_id' AND label.2 = span), e.labels
  ), 'Map(String, String)')) AS labels
FROM (
  SELECT
    tenant, metric, id, e,
    {id_among e.labels trace_id 32} AS trace,
    {id_among e.labels span_id 16} AS span
  FROM (SELECT tenant, metric, id, arrayJoin(exemplars) AS e FROM prometheus_points)
);

CREATE MATERIALIZED VIEW IF NOT EXISTS prometheus_family_view {on_cluster} TO metadata AS
SELECT tenant, metric, day, type, unit, help, {enumerated 0 temporality} AS temporality
FROM (
  SELECT
    tenant,
    m.metric_family_name AS metric,
    toDate32({timestamp received_unix_nano}) AS day,
    {metric_type m.type} AS type,
    m.unit AS unit,
    m.help AS help
  FROM (SELECT tenant, received_unix_nano, arrayJoin(metadata) AS m FROM prometheus_in)
)
WHERE (tenant, metric, day, type, unit, help) NOT IN (
  SELECT tenant, metric, day, type, unit, help FROM metadata
  WHERE day IN (SELECT toDate32({timestamp received_unix_nano}) FROM prometheus_in)
)
LIMIT 1 BY tenant, metric, day, type, unit, help;

-- Version 2 has metadata beside each series: those of a histogram or summary belong to the name that its series begin with.
CREATE MATERIALIZED VIEW IF NOT EXISTS prometheus_series_family_view {on_cluster} TO metadata AS
SELECT tenant, metric, day, type, unit, help, {enumerated 0 temporality} AS temporality
FROM (
  SELECT
    tenant,
    if(type IN ('histogram', 'gaugehistogram', 'summary') AND empty(histograms),
       replaceRegexpOne(toString(name), '_(bucket|g?sum|g?count)$', ''), toString(name)) AS metric,
    {day arrayMax(arrayConcat(samples.timestamp,histograms.timestamp))} AS day,
    type, unit, help
  FROM (SELECT tenant, metric AS name, samples, histograms, type, unit, help FROM prometheus_rows)
  WHERE notEmpty(samples) OR notEmpty(histograms)
)
WHERE (type != 'unknown' OR unit != '' OR help != '') AND (tenant, metric, day, type, unit, help) NOT IN (
  SELECT tenant, metric, day, type, unit, help FROM metadata
  WHERE day IN (SELECT {day arrayMax(arrayConcat(samples.timestamp,histograms.timestamp))} FROM prometheus_rows WHERE notEmpty(samples) OR notEmpty(histograms))
)
LIMIT 1 BY tenant, metric, day, type, unit, help;
