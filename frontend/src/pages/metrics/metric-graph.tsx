/** All queries over the time range, with exemplars as marks that open their trace. */
import { useMemo } from "preact/hooks";
import {
  type ExemplarSeries,
  type LabelSet,
  type PrometheusAnswer,
  type RangeResult,
  seriesText,
} from "../../api/prometheus";
import type { Resource } from "../../api/resource";
import { useResources } from "../../api/resources";
import { type ChartMark, TimeChart } from "../../charts/time-chart";
import { pageLink, setQuery } from "../../router/query";
import { useTime } from "../../time/clock";
import { paletteColour } from "../../ui/colour";
import { formatCount, plural } from "../../ui/number";
import { Skeleton } from "../../ui/skeleton";
import { useTheme } from "../../ui/theme";
import { chosenSeries, nextOnly, toDrawing } from "./drawn-series";
import { thinned, toExemplars } from "./exemplar-marks";
import { MetricLegend } from "./metric-legend";
import { formatMetric, formatMetricTick } from "./metric-value";
import { exemplarAddress, formatStep, type Shape } from "./metrics-query";

interface Props {
  exprs: readonly string[];
  answers: readonly Resource<PrometheusAnswer<RangeResult>>[];
  step: number;
  shape: Shape;
  only: readonly string[];
  exemplars: boolean;
}

export function MetricGraph({ exprs, answers, step, shape, only, exemplars }: Props) {
  const { window, version, zoom } = useTime();
  const theme = useTheme();
  const stale = answers.some(({ loading }) => loading);
  const results = answers.map(({ data }) => data);
  const drawing = useMemo(
    () =>
      toDrawing(
        exprs.map((expr, index) => ({ expr, result: results[index]?.data ?? null })),
        window,
        step,
      ),
    [...results, exprs, window.startSeconds, window.endSeconds, step],
  );
  const coloured = useMemo(
    () => drawing.series.map((series, index) => ({ ...series, colour: paletteColour(index) })),
    [drawing, theme],
  );
  const drawn = useMemo(() => chosenSeries(coloured, only), [coloured, only]);
  // A query that cannot be answered has no exemplars either, and is said to be so where it stands.
  const answered = exemplars ? exprs.filter((_, index) => results[index] && !answers[index]?.error) : NONE;
  const { marks, left, error } = useExemplars(answered, version);
  if (answers.every(({ error: failed, data, loading }) => failed !== null || (data === null && !loading))) return null;
  const waiting = answers.some(({ data, loading }) => loading && data === null);
  if (waiting && coloured.length === 0) return <Skeleton rows={8} height={36} />;
  if (coloured.length === 0) return <NoData />;
  return (
    <section class={stale ? "panel is-stale" : "panel"} aria-label="Graph">
      <TimeChart
        label={`${exprs.filter(Boolean).join(" and ")} over time, ${drawn.length} series`}
        times={drawing.times}
        series={drawn}
        marks={marks}
        window={window}
        kind={shape === "stacked" ? "areas" : "lines"}
        fitted
        height={340}
        format={formatMetric}
        formatTick={formatMetricTick}
        onZoom={zoom}
      />
      <div class="graph-facts muted">
        <span title="Distance between two points of the graph">every {formatStep(step)}</span>
        {drawn.length < coloured.length && (
          <span>
            {formatCount(drawn.length)} of {plural(coloured.length, "series", "series")}
            <button type="button" class="link-button" onClick={() => setQuery({ only: null }, { replace: true })}>
              show all
            </button>
          </span>
        )}
        {marks.length > 0 && (
          <span>
            ◇ {plural(marks.length, "exemplar")}
            {left > 0 && `, the greatest of ${formatCount(left + marks.length)}`}
          </span>
        )}
        {error && <span class="error-text">No exemplars: {error.message}</span>}
        {drawing.hasHistograms && <span>Native histograms are drawn by their count of observations.</span>}
      </div>
      <MetricLegend
        series={coloured}
        only={only}
        onChoose={(key, more) => setQuery({ only: nextOnly(only, key, more) }, { replace: true })}
      />
      {drawing.common.map(({ letter, labels }) => (
        <CommonLabels key={letter} letter={letter} labels={labels} />
      ))}
    </section>
  );
}

export function CommonLabels({ letter, labels }: { letter: string; labels: LabelSet }) {
  return (
    <p class="common-labels">
      <span class="muted">{letter && `${letter}: `}in common</span> <code>{seriesText(labels)}</code>
    </p>
  );
}

export function NoData() {
  return (
    <section class="panel no-data" aria-label="Result">
      <h2>No data</h2>
      <p class="muted">Nothing matches in this time range. Choose a longer one above, or fewer matchers.</p>
    </section>
  );
}

const NONE: readonly string[] = [];

/** Exemplars of the series that the queries select; those in every answer are shown once. */
function useExemplars(exprs: readonly string[], version: number) {
  const { window } = useTime();
  const { resources } = useResources<PrometheusAnswer<ExemplarSeries[]>>(
    [...new Set(exprs)].map((expr) => exemplarAddress(expr, window)),
    version,
  );
  const failed = resources.find(({ error }) => error !== null)?.error ?? null;
  const answers = resources.map(({ data }) => data);
  return useMemo(() => {
    const all = toExemplars(answers.map((answer) => answer?.data ?? []));
    const shown = thinned(all, window);
    const marks: ChartMark[] = shown.map(({ time, value, text, traceId }) => ({
      time,
      value,
      text,
      link: traceId ? pageLink(`/traces/${traceId}`) : "",
    }));
    return { marks, left: all.length - shown.length, error: failed };
  }, [...answers, failed, window.startSeconds, window.endSeconds]);
}
