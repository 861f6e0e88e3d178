/** An alert's value over time, with the threshold that its rule compares it with, and the times at which it was active. */
import { useMemo } from "preact/hooks";
import { type LabelSet, type PrometheusAnswer, type RangeResult, seriesText } from "../../api/prometheus";
import { useResources } from "../../api/resources";
import { type ChartBand, type ChartSeries, TimeChart } from "../../charts/time-chart";
import { pageLink } from "../../router/query";
import { useTime } from "../../time/clock";
import { cssColour, paletteColour } from "../../ui/colour";
import { ErrorNotice } from "../../ui/error-notice";
import { Panel } from "../../ui/panel";
import { Skeleton } from "../../ui/skeleton";
import { useTheme } from "../../ui/theme";
import { commonLabels, withoutLabels } from "../metrics/common-labels";
import { toColumns } from "../metrics/matrix";
import { formatMetric, formatMetricTick } from "../metrics/metric-value";
import { alignedWindow, rangeAddress, stepSeconds } from "../metrics/metrics-query";
import { conditionOf } from "./condition";
import { type Firing, firingStep } from "./firings";
import { seriesOf } from "./graph-series";

interface Props {
  expression: string;
  labels: LabelSet;
  ruleLabels: LabelSet;
  firings: readonly Firing[];
}

/** Lines beyond these say nothing any more. */
const MOST_LINES = 20;

export function AlertGraph({ expression, labels, ruleLabels, firings }: Props) {
  const { window, version, zoom } = useTime();
  const theme = useTheme();
  const step = stepSeconds(window);
  const condition = useMemo(() => conditionOf(expression), [expression]);
  const { resources, loading } = useResources<PrometheusAnswer<RangeResult>>(
    [rangeAddress(condition.value, window, step), rangeAddress(condition.threshold, window, step)],
    version,
  );
  const [value, threshold] = [resources[0]?.data?.data.result, resources[1]?.data?.data.result];
  const error = resources[0]?.error ?? resources[1]?.error;
  const { times, series } = useMemo(() => {
    const { startSeconds, endSeconds } = alignedWindow(window, step);
    const drawn = (found: typeof value) =>
      toColumns(seriesOf(found ?? [], labels, ruleLabels).slice(0, MOST_LINES), startSeconds, endSeconds, step);
    const values = drawn(value);
    const bounds = drawn(threshold);
    const common = commonLabels(values.columns.map(({ metric }) => metric));
    const lines: ChartSeries[] = values.columns.map((column, index) => ({
      name: values.columns.length === 1 ? condition.value : seriesText(withoutLabels(column.metric, common)),
      values: column.values,
      colour: paletteColour(index),
    }));
    for (const column of bounds.columns) {
      lines.push({
        name: `threshold ${condition.operator} ${condition.threshold}`,
        values: column.values,
        colour: cssColour("--error"),
        dashed: true,
      });
    }
    return { times: values.times, series: lines };
  }, [value, threshold, window.startSeconds, window.endSeconds, step, labels, ruleLabels, condition, theme]);
  const bands = useMemo(() => firings.map((firing) => toBand(firing, firingStep(window))), [firings, window, theme]);
  const explorer = (
    <a href={pageLink("/metrics-explorer", { expr: [condition.value, condition.threshold].filter(Boolean) })}>
      In the explorer
    </a>
  );
  return (
    <Panel title="Value" aside={explorer} class={loading ? "is-stale" : ""}>
      {error && <ErrorNotice error={error} />}
      {!value && !error && <Skeleton rows={6} height={36} />}
      {value && (
        <>
          <TimeChart
            label={`${condition.value} over time${condition.threshold && `, threshold ${condition.operator} ${condition.threshold}`}`}
            times={times}
            series={series}
            bands={bands}
            window={window}
            kind="lines"
            height={240}
            format={formatMetric}
            formatTick={formatMetricTick}
            onZoom={zoom}
          />
          <p class="graph-facts muted">
            {condition.threshold && (
              <span>
                <span class="key-line" aria-hidden="true" /> threshold {condition.operator}{" "}
                <code>{condition.threshold}</code>
              </span>
            )}
            <span>
              <span class="key-band key-band-firing" aria-hidden="true" /> fired
            </span>
            <span>
              <span class="key-band key-band-pending" aria-hidden="true" /> pending
            </span>
          </p>
        </>
      )}
    </Panel>
  );
}

/** It was over some time within the step after the last one at which it was seen. */
function toBand({ state, start, end }: Firing, step: number): ChartBand {
  const colour = cssColour(state === "firing" ? "--error" : "--warn");
  const share = state === "firing" ? 16 : 12;
  return {
    startSeconds: start,
    endSeconds: end + step,
    colour: `color-mix(in srgb, ${colour} ${share}%, transparent)`,
  };
}
