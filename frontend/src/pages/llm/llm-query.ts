/** The filters of the LLM pages: from the page's address to the API's. */
import { address, type QueryValue } from "../../api/client";
import type { LlmCall, LlmGroupBy } from "../../api/types";
import type { TimeWindow } from "../../time/range";

/** Filters that are named by hand or by a click on a value; service, search and the switches have fields of their own. */
export const NAMED_FILTERS = ["model", "provider", "function", "user", "session", "type"] as const;
export type NamedFilter = (typeof NAMED_FILTERS)[number];

/** Where a call holds the value of a filter. */
export const VALUE_OF: Record<NamedFilter, (call: LlmCall) => string> = {
  model: (call) => call.model,
  provider: (call) => call.provider,
  function: (call) => call.function,
  user: (call) => call.user_id,
  session: (call) => call.session_id,
  type: (call) => call.type,
};

export type LlmMetric = "cost" | "tokens" | "calls";

export interface LlmFilters {
  service: string;
  search: string;
  success: string;
  priced: string;
  sort: string;
  named: Partial<Record<NamedFilter, string>>;
}

export function readLlmFilters(query: URLSearchParams): LlmFilters {
  const named: LlmFilters["named"] = {};
  for (const name of NAMED_FILTERS) {
    const value = query.get(name);
    if (value) named[name] = value;
  }
  return {
    service: query.get("service") ?? "",
    search: query.get("search") ?? "",
    success: query.get("success") ?? "",
    priced: query.get("priced") ?? "",
    sort: query.get("sort") ?? "time",
    named,
  };
}

export function isFiltered({ service, search, success, priced, named }: LlmFilters): boolean {
  return [service, search, success, priced, ...Object.values(named)].some((text) => text !== "");
}

function parameters(filters: LlmFilters, window: TimeWindow): Record<string, QueryValue> {
  const { named, sort: _sort, ...texts } = filters;
  return { start: window.startSeconds, end: window.endSeconds, ...texts, ...named };
}

export function callsAddress(filters: LlmFilters, window: TimeWindow): string {
  return address("/llm/calls", { ...parameters(filters, window), sort: filters.sort, limit: 100 });
}

export function summaryAddress(filters: LlmFilters, window: TimeWindow, groupBy: LlmGroupBy): string {
  return address("/llm/summary", { ...parameters(filters, window), group_by: groupBy, buckets: 60 });
}
