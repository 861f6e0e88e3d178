/** What a store's series are made of, as `/metrics/cardinality` tells it, and what to ask of the explorer about it. */
import type { QueryValue } from "../../api/client";
import type { Stats } from "../../api/types";
import type { TimeWindow } from "../../time/range";
import { selector } from "./suggestion";

export interface Cardinality {
  /** Of the days that the time range touches, in UTC. */
  first_day: string;
  last_day: string;
  series: number;
  metrics: number;
  label_names: number;
  label_pairs: number;
  by_metric: { metric: string; series: number }[];
  by_label: { label: string; values: number }[];
  by_pair: { label: string; value: string; series: number }[];
  samples_by_metric: { metric: string; samples: number }[];
  growth: Growth[];
  /** Series of the last day that the day before did not have. */
  new_by_metric: { metric: string; series: number }[];
  stats: Stats;
}

export interface Growth {
  day: string;
  series: number;
  new: number;
  gone: number;
}

/** A row of a table: what is counted, and what the explorer is asked about it. */
export interface Count {
  name: string;
  value: number;
  expr: string;
}

/** Of each list; a few more than are shown, because names stand among the labels. */
const ASKED = 50;
export const SHOWN = 25;

export function cardinalityQuery(window: TimeWindow, fits: string): Record<string, QueryValue> {
  return { start: window.startSeconds, end: window.endSeconds, selector: fits, limit: ASKED };
}

export function metricCounts(found: Cardinality): Count[] {
  return found.by_metric.slice(0, SHOWN).map(({ metric, series }) => counted(metric, series));
}

export function newCounts(found: Cardinality): Count[] {
  return found.new_by_metric.slice(0, SHOWN).map(({ metric, series }) => counted(metric, series));
}

export function sampleCounts(found: Cardinality): Count[] {
  return found.samples_by_metric.slice(0, SHOWN).map(({ metric, samples }) => ({
    ...counted(metric, samples),
    expr: `sum(count_over_time(${selector(metric)}[5m]))`,
  }));
}

function counted(metric: string, value: number): Count {
  return { name: metric, value, expr: `count(${selector(metric)})` };
}

/** A metric's name is no label here; the metrics have their own list. */
export function labelCounts(found: Cardinality, metric = ""): Count[] {
  return found.by_label
    .filter(({ label }) => label !== "__name__")
    .slice(0, SHOWN)
    .map(({ label, values }) => ({ name: label, value: values, expr: valuesQuery(label, metric) }));
}

export function pairCounts(found: Cardinality): Count[] {
  return found.by_pair
    .filter(({ label }) => label !== "__name__")
    .slice(0, SHOWN)
    .map(({ label, value, series }) => ({
      name: `${label}=${value}`,
      value: series,
      expr: `topk(20, count by (__name__) ({${written(label)}=${JSON.stringify(value)}}))`,
    }));
}

/** The values of a label that have the most series; of one metric, or of all. */
export function valuesQuery(label: string, metric: string): string {
  const chosen = metric ? selector(metric) : `{${written(label)}!=""}`;
  return `topk(20, count by (${written(label)}) (${chosen}))`;
}

/** A label's name, quoted where PromQL wants it. */
function written(label: string): string {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(label) ? label : JSON.stringify(label);
}

export const DAY_SECONDS = 86_400;

/** Midnight in UTC of 2026-08-01, in Unix seconds. */
export function dayStart(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / 1000;
}
