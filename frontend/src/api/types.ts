/** The answers of the HTTP API under /api/v1, as the server writes them. Names and units are the server's. */

export type AttributeValue = string | number | boolean | null | AttributeValue[] | { [key: string]: AttributeValue };
export type Attributes = Record<string, AttributeValue>;

export interface Stats {
  rows_read: number;
  bytes_read: number;
  elapsed_seconds: number;
}

export interface ErrorBody {
  code: string;
  message: string;
  hint?: string;
  position?: unknown;
}

export type Level = "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "unknown";

export interface ServiceSummary {
  service: string;
  requests: number;
  errors: number;
  request_rate: number;
  error_rate: number;
  p50_seconds: number | null;
  p95_seconds: number | null;
  times: number[];
  rate: number[];
  error_series: number[];
  last_seen_unix_nano: string;
}

export interface RecentError {
  kind: "span" | "log";
  time_unix_nano: string;
  service: string;
  name: string;
  message: string;
  trace_id: string | null;
  span_id: string | null;
}

export interface Overview {
  window: { start_seconds: number; end_seconds: number; step_seconds: number };
  services: ServiceSummary[];
  llm: {
    today: { cost_usd: number; calls: number; unpriced_calls: number };
    window: {
      cost_usd: number;
      calls: number;
      errors: number;
      unpriced_calls: number;
      input_tokens: number;
      output_tokens: number;
    };
    by_model: { model: string; provider: string; calls: number; cost_usd: number | null }[];
    times: number[];
    cost_usd: number[];
  };
  errors: RecentError[];
  stats: Stats;
}

export interface Services {
  services: {
    service: string;
    spans: number;
    errors: number;
    operations: { name: string; kind: string; spans: number; errors: number; p95_seconds: number | null }[];
  }[];
}

export interface TraceSummary {
  trace_id: string;
  root_service: string;
  root_name: string;
  root_missing: boolean;
  start_unix_nano: string;
  duration_nano: number;
  span_count: number;
  error_count: number;
  services: { service: string; spans: number; errors: number }[];
}

export interface TracePage {
  traces: TraceSummary[];
  next_cursor: string | null;
  stats: Stats;
}

export interface SpanEvent {
  time_unix_nano: string;
  name: string;
  attributes: Attributes;
}

export interface SpanLink {
  trace_id: string;
  span_id: string;
  attributes: Attributes;
}

export interface Span {
  span_id: string;
  parent_span_id: string | null;
  service: string;
  name: string;
  kind: string;
  start_unix_nano: string;
  duration_nano: number;
  status_code: "unset" | "ok" | "error";
  status_message: string;
  attributes: Attributes;
  resource: Attributes;
  scope: { name: string; version: string };
  events: SpanEvent[];
  links: SpanLink[];
  llm: null | {
    model: string;
    provider: string;
    cost_usd: number | null;
    input_tokens: number;
    output_tokens: number;
  };
}

export interface Score {
  score_id: string;
  time_unix_nano: string;
  name: string;
  data_type: "numeric" | "categorical" | "boolean";
  value: number | null;
  string_value: string;
  user_id: string;
  comment: string;
  source: string;
}

export interface LogRecord {
  time_unix_nano: string;
  service: string;
  level: Level;
  severity_number: number;
  severity_text: string;
  body: string;
  event_name: string;
  trace_id: string | null;
  span_id: string | null;
  attributes: Attributes;
  resource: Attributes;
}

export interface Trace {
  trace_id: string;
  start_unix_nano: string;
  duration_nano: number;
  spans: Span[];
  logs: LogRecord[];
  scores: Score[];
  truncated: boolean;
  stats: Stats;
}

export interface LogPage {
  records: LogRecord[];
  next_cursor: string | null;
  stats: Stats;
}

export interface LogHistogram {
  step_seconds: number;
  times: number[];
  levels: Partial<Record<Level, number[]>>;
  stats: Stats;
}

export interface LlmCall {
  trace_id: string;
  span_id: string;
  time_unix_nano: string;
  service: string;
  name: string;
  type: string;
  operation: string;
  provider: string;
  model: string;
  model_requested: string;
  input_tokens: number;
  output_tokens: number;
  usage: Record<string, number>;
  cost_usd: number | null;
  cost: Record<string, number>;
  price_source: string;
  duration_nano: number;
  time_to_first_token_nano: number | null;
  success: boolean;
  error_type: string;
  error_message: string;
  finish_reason: string;
  streamed: boolean;
  prompt_preview: string;
  completion_preview: string;
  session_id: string;
  user_id: string;
  function: string;
  prompt_name: string;
  prompt_version: string;
}

export interface LlmCallPage {
  calls: LlmCall[];
  next_cursor: string | null;
  stats: Stats;
}

export interface MessagePart {
  type: string;
  content?: AttributeValue;
  name?: string;
  arguments?: AttributeValue;
  id?: string;
}

export interface Message {
  role: string;
  parts: MessagePart[];
}

export interface LlmCallDetail {
  call: LlmCall & { parameters: Attributes; environment: string; release: string; tags: string[] };
  messages: { input: Message[]; output: Message[] };
  scores: Score[];
}

export type LlmGroupBy = "model" | "service" | "function" | "user" | "provider";

export interface LlmSummary {
  step_seconds: number;
  times: number[];
  groups: {
    name: string;
    calls: number[];
    cost_usd: (number | null)[];
    input_tokens: number[];
    output_tokens: number[];
  }[];
  totals: {
    calls: number;
    errors: number;
    cost_usd: number;
    unpriced_calls: number;
    input_tokens: number;
    output_tokens: number;
    cached_tokens: number;
    p50_seconds: number | null;
    p95_seconds: number | null;
    ttft_p50_seconds: number | null;
  };
  stats: Stats;
}

export interface AttributeKeys {
  keys: { scope: string; key: string; type: string; count: number }[];
}

export interface AttributeValues {
  values: { value: string; count: number }[];
}

export interface Status {
  version: string;
  tenant: string;
  uptime_seconds: number;
  ingest: Record<
    string,
    {
      accepted_bodies: number;
      refused_bodies: number;
      pending_bytes: number;
      lag_seconds: number;
      quarantined_frames: number;
    }
  >;
  disk: { free_bytes: number };
  tables: { table: string; rows: number; bytes_on_disk: number }[];
  messages: { severity: "info" | "warning" | "error"; text: string }[];
}

export interface Session {
  authenticated: boolean;
  required: boolean;
  tenant: string;
  role: string;
  /** Of the key with which this browser signed in. */
  name?: string | null;
}
