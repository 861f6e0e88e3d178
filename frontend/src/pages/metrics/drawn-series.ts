/** The answers of all queries as the series of one chart. */
import { type LabelSet, type RangeResult, seriesText } from "../../api/prometheus";
import type { TimeWindow } from "../../time/range";
import { commonLabels, withoutLabels } from "./common-labels";
import { type Summary, summarise, toColumns } from "./matrix";
import { alignedWindow, letterOf } from "./metrics-query";

export interface DrawnSeries {
  /** Stands in the address: the series' text, with its query's letter where there are several. */
  key: string;
  /** What sets it apart from the others of its query. */
  name: string;
  /** All its labels, as PromQL. */
  text: string;
  values: (number | null)[];
  summary: Summary;
}

export interface Drawing {
  times: number[];
  series: DrawnSeries[];
  /** What all series of a query share, and is therefore not in their names. */
  common: { letter: string; labels: LabelSet }[];
  hasHistograms: boolean;
}

interface Asked {
  expr: string;
  result: RangeResult | null;
}

export function toDrawing(asked: readonly Asked[], window: TimeWindow, step: number): Drawing {
  const { startSeconds, endSeconds } = alignedWindow(window, step);
  const many = asked.length > 1;
  const parts = asked.map(({ expr, result }, index) => {
    const columns = toColumns(result?.result ?? [], startSeconds, endSeconds, step);
    const metrics = columns.columns.map(({ metric }) => metric);
    return { ...columns, expr, letter: letterOf(index), common: commonLabels(metrics) };
  });
  const series = parts.flatMap(({ columns, common, letter, expr }) =>
    columns.map(({ metric, values }) => {
      const text = seriesText(metric);
      const apart = withoutLabels(metric, common);
      const own = Object.keys(apart).length > 0 ? seriesText(apart) : Object.keys(metric).length > 0 ? text : expr;
      return {
        key: many ? `${letter} ${text}` : text,
        name: many ? `${letter}  ${own}` : own,
        text,
        values,
        summary: summarise(values),
      };
    }),
  );
  return {
    times: parts[0]?.times ?? [],
    series,
    common: parts
      .filter(({ common }) => Object.keys(common).length > 0)
      .map(({ letter, common }) => ({ letter: many ? letter : "", labels: common })),
    hasHistograms: parts.some((part) => part.hasHistograms),
  };
}

/** The series that are shown: all of them, if none of the chosen ones is there. */
export function chosenSeries<S extends { key: string }>(series: readonly S[], only: readonly string[]): readonly S[] {
  const found = series.filter(({ key }) => only.includes(key));
  return found.length > 0 ? found : series;
}

/** A click means this one alone, or all again; with Ctrl it is added, or taken away. */
export function nextOnly(only: readonly string[], key: string, more: boolean): string[] {
  if (more) return only.includes(key) ? only.filter((other) => other !== key) : [...only, key];
  return only.length === 1 && only[0] === key ? [] : [key];
}
