/** The filters of the log search: from the page's address to those of list, histogram and live tail. */
import { address, type QueryValue } from "../../api/client";
import type { Level, LogRecord } from "../../api/types";
import type { TimeWindow } from "../../time/range";
import { hashName } from "../../ui/colour-slot";

export interface LogFilters {
  search: string;
  service: string;
  levels: Level[];
  traceId: string;
  spanId: string;
  attributes: string[];
}

export function readLogFilters(query: URLSearchParams): LogFilters {
  return {
    search: query.get("search") ?? "",
    service: query.get("service") ?? "",
    levels: query.getAll("level") as Level[],
    traceId: query.get("trace_id") ?? "",
    spanId: query.get("span_id") ?? "",
    attributes: query.getAll("attribute"),
  };
}

export function isFiltered({ search, service, levels, traceId, spanId, attributes }: LogFilters): boolean {
  return [search, service, traceId, spanId].some((text) => text !== "") || levels.length > 0 || attributes.length > 0;
}

function parameters(filters: LogFilters): Record<string, QueryValue> {
  return {
    search: filters.search,
    service: filters.service,
    level: filters.levels,
    trace_id: filters.traceId,
    span_id: filters.spanId,
    attribute: filters.attributes,
  };
}

export function logAddress(filters: LogFilters, window: TimeWindow): string {
  return address("/logs", { start: window.startSeconds, end: window.endSeconds, ...parameters(filters), limit: 200 });
}

export function histogramAddress(filters: LogFilters, window: TimeWindow): string {
  return address("/logs/histogram", {
    start: window.startSeconds,
    end: window.endSeconds,
    ...parameters(filters),
    buckets: 80,
  });
}

export function liveAddress(filters: LogFilters): string {
  return address("/logs/live", parameters(filters));
}

/** A record with a key that no other in the list has, although two records may be equal in everything. */
export interface LogEntry {
  key: string;
  record: LogRecord;
}

export function withKeys(records: readonly LogRecord[]): LogEntry[] {
  const seen = new Map<string, number>();
  return records.map((record) => {
    const content = hashName(`${record.service} ${record.span_id} ${record.body}`).toString(36);
    const key = `${record.time_unix_nano}.${content}`;
    const count = seen.get(key) ?? 0;
    seen.set(key, count + 1);
    return { key: count === 0 ? key : `${key}.${count}`, record };
  });
}
