/** The filters of the trace search: from the page's address to the API's. */
import { address } from "../../api/client";
import type { TimeWindow } from "../../time/range";

export interface TraceFilters {
  service: string;
  operation: string;
  minDuration: string;
  maxDuration: string;
  status: string;
  attributes: string[];
}

export function readTraceFilters(query: URLSearchParams): TraceFilters {
  return {
    service: query.get("service") ?? "",
    operation: query.get("operation") ?? "",
    minDuration: query.get("min_duration") ?? "",
    maxDuration: query.get("max_duration") ?? "",
    status: query.get("status") ?? "",
    attributes: query.getAll("attribute"),
  };
}

export function isFiltered(filters: TraceFilters): boolean {
  const { attributes, ...texts } = filters;
  return attributes.length > 0 || Object.values(texts).some((text) => text !== "");
}

export function traceAddress(filters: TraceFilters, window: TimeWindow): string {
  return address("/traces", {
    start: window.startSeconds,
    end: window.endSeconds,
    service: filters.service,
    operation: filters.operation,
    min_duration: filters.minDuration,
    max_duration: filters.maxDuration,
    status: filters.status,
    attribute: filters.attributes,
    limit: 200,
  });
}
