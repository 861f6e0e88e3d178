-- Views under the names that people's own dashboards use: one row a request, a call, a rating; and the two tables of
-- OpenTelemetry's ClickHouse exporter in its own shape, so that what was written for it works here.

CREATE VIEW IF NOT EXISTS api_request_logs {on_cluster} AS
SELECT
  tenant,
  ts AS timestamp,
  service,
  coalesce(nullIf(attr_str['http.request.method'], ''), nullIf(attr_str['http.method'], ''), splitByChar(' ', name)[1]) AS method,
  coalesce(nullIf(attr_str['url.path'], ''), nullIf(attr_str['http.target'], ''), nullIf(attr_str['http.route'], ''), name) AS path,
  attr_str['http.route'] AS route,
  if(mapContains(attr_int, 'http.response.status_code'), attr_int['http.response.status_code'], attr_int['http.status_code']) AS status,
  duration_nano / 1e6 AS latency_ms,
  coalesce(nullIf(attr_str['user.id'], ''), nullIf(attr_str['enduser.id'], ''), attr_str['user_id']) AS user_id,
  coalesce(nullIf(attr_str['tenant_id'], ''), attr_str['tenant.id']) AS tenant_id,
  status_code = 'error' AS failed,
  lower(hex(trace_id)) AS trace_id,
  lower(hex(span_id)) AS span_id
FROM spans
WHERE kind = 'server';

CREATE VIEW IF NOT EXISTS llm_logs {on_cluster} AS
SELECT
  tenant,
  ts AS timestamp,
  service,
  function,
  model,
  provider,
  input_tokens,
  output_tokens,
  input_tokens + output_tokens AS tokens,
  cost_usd AS cost,
  duration_nano / 1e6 AS latency_ms,
  success,
  error_message AS error,
  user_id,
  session_id,
  lower(hex(trace_id)) AS trace_id,
  lower(hex(span_id)) AS span_id
FROM llm_calls;

CREATE VIEW IF NOT EXISTS recommendation_feedback {on_cluster} AS
SELECT
  tenant,
  ts AS timestamp,
  service,
  user_id,
  lower(hex(trace_id)) AS trace_id,
  if(value IS NULL, string_value, toString(value)) AS rating,
  value AS rating_value,
  comment,
  name
FROM scores
WHERE source = 'feedback';

CREATE VIEW IF NOT EXISTS otel_traces {on_cluster} AS
SELECT
  s.tenant AS tenant,
  s.ts AS Timestamp,
  lower(hex(s.trace_id)) AS TraceId,
  lower(hex(s.span_id)) AS SpanId,
  if(s.parent_span_id = toFixedString('', 8), '', lower(hex(s.parent_span_id))) AS ParentSpanId,
  s.trace_state AS TraceState,
  s.name AS SpanName,
  transform(toString(s.kind), ['internal', 'server', 'client', 'producer', 'consumer'],
            ['Internal', 'Server', 'Client', 'Producer', 'Consumer'], 'Unspecified') AS SpanKind,
  s.service AS ServiceName,
  r.attributes AS ResourceAttributes,
  s.scope_name AS ScopeName,
  s.scope_version AS ScopeVersion,
  {text_map s.attr} AS SpanAttributes,
  s.duration_nano AS Duration,
  transform(toString(s.status_code), ['ok', 'error'], ['Ok', 'Error'], 'Unset') AS StatusCode,
  s.status_message AS StatusMessage,
  s.`events.ts` AS `Events.Timestamp`,
  s.`events.name` AS `Events.Name`,
  arrayMap(e -> {map_of_json e}, s.`events.attributes`) AS `Events.Attributes`,
  arrayMap(id -> lower(hex(id)), s.`links.trace_id`) AS `Links.TraceId`,
  arrayMap(id -> lower(hex(id)), s.`links.span_id`) AS `Links.SpanId`,
  s.`links.trace_state` AS `Links.TraceState`,
  arrayMap(e -> {map_of_json e}, s.`links.attributes`) AS `Links.Attributes`
FROM spans AS s
LEFT ANY JOIN (SELECT tenant, resource_id, {text_map attr} AS attributes FROM resources LIMIT 1 BY tenant, resource_id) AS r
  ON s.tenant = r.tenant AND s.resource_id = r.resource_id;

CREATE VIEW IF NOT EXISTS otel_logs {on_cluster} AS
SELECT
  l.tenant AS tenant,
  l.ts AS Timestamp,
  toDateTime(l.ts) AS TimestampTime,
  if(l.trace_id = toFixedString('', 16), '', lower(hex(l.trace_id))) AS TraceId,
  if(l.span_id = toFixedString('', 8), '', lower(hex(l.span_id))) AS SpanId,
  toUInt8(l.flags % 256) AS TraceFlags,
  l.severity_text AS SeverityText,
  l.severity_number AS SeverityNumber,
  l.service AS ServiceName,
  l.body AS Body,
  '' AS ResourceSchemaUrl,
  r.attributes AS ResourceAttributes,
  '' AS ScopeSchemaUrl,
  l.scope_name AS ScopeName,
  l.scope_version AS ScopeVersion,
  CAST(map(), 'Map(String, String)') AS ScopeAttributes,
  {text_map l.attr} AS LogAttributes,
  l.event_name AS EventName
FROM logs AS l
LEFT ANY JOIN (SELECT tenant, resource_id, {text_map attr} AS attributes FROM resources LIMIT 1 BY tenant, resource_id) AS r
  ON l.tenant = r.tenant AND l.resource_id = r.resource_id;
