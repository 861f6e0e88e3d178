/** When alerts fired: intervals out of the series ALERTS, which has a sample for every time at which one was active. */
import { type LabelSet, prometheusAddress, type RangeSeries } from "../../api/prometheus";
import type { TimeWindow } from "../../time/range";
import { type Matcher, printMatcher } from "./matcher";

export interface Interval {
  start: number;
  end: number;
  /** Goes on at the end of the range. */
  isOpen: boolean;
  /** Went on already at its start. */
  isCut: boolean;
}

export interface Firing extends Interval {
  /** Without ALERTS' own. */
  labels: LabelSet;
  state: "pending" | "firing";
}

const POINTS = 1000;
const STEPS = [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400];
/** Series of one answer; a page with more would be of no use. */
export const MOST_FIRINGS = 500;

/** Seconds to which the beginnings and ends are known. */
export function firingStep({ startSeconds, endSeconds }: TimeWindow): number {
  const least = (endSeconds - startSeconds) / POINTS;
  return STEPS.find((step) => step >= least) ?? 86400;
}

/** What was active at each step, or at any moment since the step before: nothing that was evaluated is missed. */
export function firingsAddress(matchers: readonly Matcher[], window: TimeWindow): string {
  const step = firingStep(window);
  const series = `ALERTS{${matchers.map(printMatcher).join(", ")}}`;
  const first = Math.ceil(window.startSeconds / step);
  return prometheusAddress("/query_range", {
    query: `${series} or last_over_time(${series}[${step}s])`,
    start: first * step,
    end: Math.max(first, Math.ceil(window.endSeconds / step)) * step,
    step,
    limit: MOST_FIRINGS,
  });
}

/** Newest first. */
export function toFirings(series: readonly RangeSeries[], window: TimeWindow): Firing[] {
  const step = firingStep(window);
  return series
    .flatMap(({ metric, values = [] }) => {
      const { __name__: _, alertstate = "firing", ...labels } = metric;
      const state = alertstate === "pending" ? ("pending" as const) : ("firing" as const);
      const times = values.map(([time]) => time);
      return toIntervals(times, step, window).map((interval) => ({ ...interval, labels, state }));
    })
    .sort((a, b) => b.start - a.start || Number(b.isOpen) - Number(a.isOpen));
}

/** Times that follow each other at the distance of a step are one interval. */
export function toIntervals(times: readonly number[], step: number, window: TimeWindow): Interval[] {
  const found: Interval[] = [];
  const first = Math.ceil(window.startSeconds / step) * step;
  for (const time of times) {
    const last = found.at(-1);
    if (last && time - last.end <= step * 1.5) last.end = time;
    else found.push({ start: time, end: time, isOpen: false, isCut: time <= first });
  }
  const final = found.at(-1);
  if (final && final.end >= window.endSeconds - step) final.isOpen = true;
  return found.map((interval) => ({ ...interval, end: Math.min(interval.end, window.endSeconds) }));
}

/** How long it fired, as far as the steps tell. */
export function firedFor({ start, end }: Interval): number {
  return Math.max(0, end - start);
}
