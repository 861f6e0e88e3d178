/** A matrix of Prometheus as columns on one time axis. */
import type { LabelSet, RangeSeries } from "../../api/prometheus";

export interface Column {
  metric: LabelSet;
  values: (number | null)[];
}

export interface Summary {
  min: number;
  mean: number;
  max: number;
  last: number;
}

export interface Columns {
  times: number[];
  columns: Column[];
  /** Some value was a native histogram; its count of observations is drawn. */
  hasHistograms: boolean;
}

/** Every time of the range is there, also where no series has a value, so that a gap is seen as one. */
export function toColumns(series: readonly RangeSeries[], start: number, end: number, step: number): Columns {
  const size = Math.max(0, Math.floor((end - start) / step + 1e-9) + 1);
  const times = Array.from({ length: size }, (_, index) => start + index * step);
  let hasHistograms = false;
  const columns = series.map(({ metric, values = [], histograms = [] }) => {
    const column: (number | null)[] = new Array(size).fill(null);
    for (const [time, text] of values) place(column, time, toNumber(text));
    // A histogram has no height; its count of observations is what people look for first.
    for (const [time, { count }] of histograms) place(column, time, toNumber(count));
    hasHistograms ||= histograms.length > 0;
    return { metric, values: column };
  });
  return { times, columns, hasHistograms };

  function place(column: (number | null)[], time: number, value: number): void {
    const index = Math.round((time - start) / step);
    if (index >= 0 && index < size) column[index] = Number.isFinite(value) ? value : null;
  }
}

export function toNumber(text: string): number {
  if (text === "+Inf") return Number.POSITIVE_INFINITY;
  if (text === "-Inf") return Number.NEGATIVE_INFINITY;
  return Number(text);
}

/** NaN where there is no value at all. */
export function summarise(values: readonly (number | null)[]): Summary {
  let [min, max, sum, count, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, Number.NaN];
  for (const value of values) {
    if (value === null) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    count += 1;
    last = value;
  }
  if (count === 0) return { min: Number.NaN, mean: Number.NaN, max: Number.NaN, last };
  return { min, mean: sum / count, max, last };
}
