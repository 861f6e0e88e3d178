/** Which series of an expression belong to one alert: those whose labels it has, but for what its rule says over. */
import type { LabelSet, RangeSeries } from "../../api/prometheus";

export function seriesOf(series: readonly RangeSeries[], alert: LabelSet, ruleLabels: LabelSet): RangeSeries[] {
  const own = series.filter(({ metric }) => belongs(metric, alert, ruleLabels));
  return own.length > 0 ? own : [...series];
}

function belongs(metric: LabelSet, alert: LabelSet, ruleLabels: LabelSet): boolean {
  return Object.entries(metric).every(
    ([name, value]) => name === "__name__" || name === "alertname" || name in ruleLabels || alert[name] === value,
  );
}
