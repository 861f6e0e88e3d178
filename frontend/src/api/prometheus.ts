/** Prometheus' HTTP API as the metrics pages ask it: https://prometheus.io/docs/prometheus/latest/querying/api/ */
import { address, type QueryValue } from "./client";

export const PROMETHEUS_PREFIX = "/prometheus/api/v1";

export interface PrometheusAnswer<T> {
  status: "success";
  data: T;
  /** The answer may be wrong, or is cut. */
  warnings?: string[];
  /** The query may not mean what it says. */
  infos?: string[];
}

export type LabelSet = Record<string, string>;
/** Seconds since 1970, and a number as text: NaN and Inf are no JSON. */
export type Sample = [number, string];

export interface HistogramValue {
  count: string;
  sum: string;
}

export interface RangeSeries {
  metric: LabelSet;
  values?: Sample[];
  histograms?: [number, HistogramValue][];
}

export interface InstantSeries {
  metric: LabelSet;
  value?: Sample;
  histogram?: [number, HistogramValue];
}

export interface QueryStats {
  timings?: { execTotalTime?: number };
  samples?: { totalQueryableSamples?: number };
}

export interface RangeResult {
  resultType: "matrix";
  result: RangeSeries[];
  stats?: QueryStats;
}

export type InstantResult = { stats?: QueryStats } & (
  | { resultType: "vector"; result: InstantSeries[] }
  | { resultType: "matrix"; result: RangeSeries[] }
  | { resultType: "scalar" | "string"; result: Sample }
);

export interface ExemplarSeries {
  seriesLabels: LabelSet;
  exemplars: { labels: LabelSet; value: string; timestamp: number }[];
}

/** By name of the metric. */
export type Metadata = Record<string, { type: string; help: string; unit: string }[]>;

export interface NamedCount {
  name: string;
  value: number;
}

/** What `status/tsdb` tells of the newest day. */
export interface TsdbStatus {
  headStats: { numSeries: number; numLabelPairs: number };
  seriesCountByMetricName: NamedCount[];
  labelValueCountByLabelName: NamedCount[];
  seriesCountByLabelValuePair: NamedCount[];
}

export interface ActiveTarget {
  discoveredLabels: LabelSet;
  labels: LabelSet;
  scrapePool: string;
  scrapeUrl: string;
  globalUrl: string;
  lastError: string;
  /** RFC 3339; the year 1 before the first scrape. */
  lastScrape: string;
  lastScrapeDuration: number;
  health: "unknown" | "up" | "down";
  scrapeInterval: string;
  scrapeTimeout: string;
}

export interface DroppedTarget {
  discoveredLabels: LabelSet;
  scrapePool?: string;
}

export interface TargetStatus {
  activeTargets: ActiveTarget[];
  droppedTargets: DroppedTarget[];
  droppedTargetCounts: Record<string, number> | null;
}

export function prometheusAddress(path: string, query: Record<string, QueryValue> = {}): string {
  return address(path, query, PROMETHEUS_PREFIX);
}

/** A label set as PromQL writes it. */
export function seriesText(labels: LabelSet): string {
  const { __name__: name = "", ...others } = labels;
  const written = Object.entries(others).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return written.length > 0 || name === "" ? `${name}{${written.join(", ")}}` : name;
}

export interface InstantRow {
  /** Empty for a scalar or a string. */
  metric: LabelSet;
  value: string;
  /** Seconds since 1970; only samples of a range have a time of their own. */
  time: number | null;
}

/** The answer to an instant query as rows; a range has one row a sample. */
export function instantRows(result: InstantResult): InstantRow[] {
  switch (result.resultType) {
    case "scalar":
    case "string":
      return [{ metric: {}, value: result.result[1], time: null }];
    case "vector":
      return result.result.map(({ metric, value, histogram }) => ({
        metric,
        value: value ? value[1] : histogramText(histogram?.[1]),
        time: null,
      }));
    case "matrix":
      return result.result.flatMap(({ metric, values = [], histograms = [] }) => [
        ...values.map(([time, value]) => ({ metric, value, time })),
        ...histograms.map(([time, value]) => ({ metric, value: histogramText(value), time })),
      ]);
  }
}

function histogramText(histogram: HistogramValue | undefined): string {
  return histogram ? `count ${histogram.count}, sum ${histogram.sum}` : "";
}
