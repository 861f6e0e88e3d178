/** Exemplars as marks on the graph: few enough to be pointed at. */
import { type ExemplarSeries, seriesText } from "../../api/prometheus";
import type { TimeWindow } from "../../time/range";
import { toNumber } from "./matrix";

export interface Exemplar {
  time: number;
  value: number;
  /** "" where it names no trace. */
  traceId: string;
  text: string;
}

/** Slots of time that a graph has room for; of each, the greatest exemplar is shown. */
const SLOTS = 120;

export function toExemplars(answers: readonly (readonly ExemplarSeries[])[]): Exemplar[] {
  return answers.flatMap((series) =>
    series.flatMap(({ seriesLabels, exemplars }) => {
      const text = seriesText(seriesLabels);
      return exemplars.map(({ labels, value, timestamp }) => ({
        time: timestamp,
        value: toNumber(value),
        traceId: labels.trace_id ?? labels.traceID ?? labels.traceId ?? "",
        text: `exemplar ${value} of ${text}`,
      }));
    }),
  );
}

export function thinned(exemplars: readonly Exemplar[], { startSeconds, endSeconds }: TimeWindow): Exemplar[] {
  const width = (endSeconds - startSeconds) / SLOTS || 1;
  const greatest = new Map<number, Exemplar>();
  for (const exemplar of exemplars) {
    if (!Number.isFinite(exemplar.value)) continue;
    const slot = Math.floor((exemplar.time - startSeconds) / width);
    const known = greatest.get(slot);
    if (!known || exemplar.value > known.value) greatest.set(slot, exemplar);
  }
  return [...greatest.values()];
}
