/** What all series of an answer share is said once; each is then told by what sets it apart. */
import type { LabelSet } from "../../api/prometheus";

/** The labels that every one of the sets has, with the same value. */
export function commonLabels(metrics: readonly LabelSet[]): LabelSet {
  const [first, ...others] = metrics;
  if (!first || others.length === 0) return {};
  return Object.fromEntries(
    Object.entries(first).filter(([label, value]) => others.every((metric) => metric[label] === value)),
  );
}

export function withoutLabels(metric: LabelSet, common: LabelSet): LabelSet {
  return Object.fromEntries(Object.entries(metric).filter(([label]) => !(label in common)));
}

/** Names of the labels that set the series apart, the metric's name first. */
export function differingLabels(metrics: readonly LabelSet[]): string[] {
  const common = commonLabels(metrics);
  const names = new Set(metrics.flatMap((metric) => Object.keys(metric).filter((label) => !(label in common))));
  return [...names].sort((a, b) => Number(b === "__name__") - Number(a === "__name__") || (a < b ? -1 : 1));
}
