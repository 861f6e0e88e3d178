/** What the explorer asks for, out of the page's address. */
import { prometheusAddress } from "../../api/prometheus";
import type { TimeWindow } from "../../time/range";

export type View = "graph" | "table";
export type Shape = "lines" | "stacked";

export interface MetricsQuery {
  /** A, B, …; at least one, which may be empty. */
  exprs: string[];
  view: View;
  shape: Shape;
  /** Keys of the series that alone are shown; empty shows all. */
  only: string[];
  exemplars: boolean;
  /** Column by which the table is sorted, with a minus before it for the greatest first; "" is the server's order. */
  sort: string;
}

/** Points of a graph: more than there are pixels to see a difference would only cost. */
const POINTS = 360;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
/** Lines that eyes can tell apart, and that a browser draws at once. */
export const GRAPH_SERIES = 200;
/** Rows that someone may look through. */
export const TABLE_ROWS = 1000;
/** Queries at once. */
export const MOST_QUERIES = 8;

export function readMetricsQuery(query: URLSearchParams): MetricsQuery {
  const exprs = query.getAll("expr").slice(0, MOST_QUERIES);
  return {
    exprs: exprs.length > 0 ? exprs : [""],
    view: query.get("view") === "table" ? "table" : "graph",
    shape: query.get("shape") === "stacked" ? "stacked" : "lines",
    only: query.getAll("only"),
    exemplars: query.get("exemplars") !== "0",
    sort: query.get("sort") ?? "",
  };
}

/** The letter that a query goes by: A is the first. */
export function letterOf(index: number): string {
  return String.fromCharCode(65 + index);
}

/** Queries as parameters of the address: one empty query is none. */
export function exprParameters(exprs: readonly string[]): string[] {
  return exprs.length === 1 && exprs[0] === "" ? [] : [...exprs];
}

export function stepSeconds({ startSeconds, endSeconds }: TimeWindow): number {
  const least = (endSeconds - startSeconds) / POINTS;
  return STEPS.find((step) => step >= least) ?? Math.ceil(least / 86400) * 86400;
}

/** A step in the largest unit of which it is a whole number. */
export function formatStep(seconds: number): string {
  const [size, unit] = STEP_UNITS.find(([least]) => seconds % least === 0) ?? [1, "s"];
  return `${seconds / size} ${unit}`;
}

const STEP_UNITS: readonly [number, string][] = [
  [86400, "d"],
  [3600, "h"],
  [60, "min"],
  [1, "s"],
];

/** Start and end on multiples of the step, so that a refresh asks for the same points again and curves do not dance. */
export function alignedWindow(window: TimeWindow, step: number): TimeWindow {
  const startSeconds = Math.ceil(window.startSeconds / step) * step;
  return { startSeconds, endSeconds: Math.max(startSeconds, Math.floor(window.endSeconds / step) * step) };
}

/** "" for a query that is not written yet. */
export function rangeAddress(expr: string, window: TimeWindow, step: number): string {
  if (expr === "") return "";
  const { startSeconds: start, endSeconds: end } = alignedWindow(window, step);
  return prometheusAddress("/query_range", { query: expr, start, end, step, limit: GRAPH_SERIES, stats: "all" });
}

export function instantAddress(expr: string, window: TimeWindow): string {
  if (expr === "") return "";
  return prometheusAddress("/query", { query: expr, time: window.endSeconds, limit: TABLE_ROWS, stats: "all" });
}

export function exemplarAddress(expr: string, window: TimeWindow): string {
  if (expr === "") return "";
  return prometheusAddress("/query_exemplars", { query: expr, start: window.startSeconds, end: window.endSeconds });
}
