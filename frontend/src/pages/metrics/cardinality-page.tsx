/** Where the series come from: the metrics, labels and values that have the most of them, and how they grow. */
import { useMemo, useRef } from "preact/hooks";
import { address } from "../../api/client";
import { useResource } from "../../api/resource";
import { TimeChart } from "../../charts/time-chart";
import { setQuery, useQuery } from "../../router/query";
import { type TimeState, useTime } from "../../time/clock";
import { paletteColour } from "../../ui/colour";
import { QueryCost } from "../../ui/cost";
import { Empty } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { Icon } from "../../ui/icon";
import { useKeys } from "../../ui/keyboard";
import { formatCount, formatShare } from "../../ui/number";
import { Panel } from "../../ui/panel";
import { Skeleton } from "../../ui/skeleton";
import { TextFilter } from "../../ui/text-filter";
import { useTheme } from "../../ui/theme";
import { Tile } from "../../ui/tile";
import {
  type Cardinality,
  cardinalityQuery,
  DAY_SECONDS,
  dayStart,
  labelCounts,
  metricCounts,
  newCounts,
  pairCounts,
  sampleCounts,
} from "./cardinality";
import { CountTable } from "./count-table";
import { MetricsHead } from "./metrics-head";
import { selector } from "./suggestion";

export function CardinalityPage() {
  const query = useQuery();
  const time = useTime();
  const search = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => search.current?.focus() });
  const metric = query.get("metric") ?? "";
  const fits = query.get("selector") ?? "";
  const { data, error, loading } = useResource<Cardinality>(
    address("/metrics/cardinality", cardinalityQuery(time.window, fits)),
    time.version,
  );
  return (
    <>
      <MetricsHead title="Cardinality" />
      <div class="filter-bar" role="search" aria-label="Filter series">
        <TextFilter
          label="Only series that fit (/)"
          placeholder={'Only series that fit, such as {job="api"}'}
          value={fits}
          inputRef={search}
          class="selector-input"
          onCommit={(value) => setQuery({ selector: value, metric: null }, { replace: true })}
        />
        {fits && (
          <button type="button" class="button button-quiet" onClick={() => setQuery({ selector: null })}>
            Clear
          </button>
        )}
      </div>
      {error && <ErrorNotice error={error} />}
      {!data && !error && <Skeleton rows={12} height={30} />}
      {data && data.series === 0 && (
        <Empty title={fits ? "No series fit" : "No series in this time range"}>
          <p>Choose a longer range above{fits && ", or another selector"}.</p>
        </Empty>
      )}
      {data && data.series > 0 && (
        <div class={loading ? "is-stale" : ""}>
          <Report found={data} metric={metric} fits={fits} time={time} />
        </div>
      )}
    </>
  );
}

interface ReportProps {
  found: Cardinality;
  metric: string;
  fits: string;
  time: TimeState;
}

function Report({ found, metric, fits, time }: ReportProps) {
  const days = found.first_day === found.last_day ? `on ${found.last_day}` : `${found.first_day} to ${found.last_day}`;
  const last = found.growth.at(-1);
  const [widest] = labelCounts(found);
  const choose = (name: string) => setQuery({ metric: name === metric ? null : name }, { replace: true });
  return (
    <>
      <div class="tiles">
        <Tile label="Series" value={formatCount(found.series)} note={days} />
        <Tile label="Metrics" value={formatCount(found.metrics)} note={shareOfFirst(found)} />
        <Tile
          label="Labels"
          value={formatCount(found.label_names)}
          note={widest && `${widest.name} has ${formatCount(widest.value)} values`}
        />
        {last && (
          <Tile
            label={`New on ${last.day}`}
            value={formatCount(last.new)}
            tone={last.new > last.series / 2 && found.growth.length > 1 ? "warn" : "plain"}
            note={`${formatCount(last.gone)} of the day before are gone`}
          />
        )}
      </div>
      <div class="cardinality-columns">
        <div>
          <Panel title="Metrics by series" aside={<span class="muted">a click tells the labels</span>}>
            <CountTable
              label="Metric"
              unit="Series"
              counts={metricCounts(found)}
              total={found.series}
              chosen={metric}
              onChoose={choose}
            />
          </Panel>
          {fits === "" && (
            <Panel title="Metrics by samples">
              <CountTable label="Metric" unit="Samples" counts={sampleCounts(found)} />
            </Panel>
          )}
        </div>
        <div>
          {metric && <MetricLabels metric={metric} time={time} />}
          {found.growth.length > 1 && <GrowthPanel found={found} time={time} />}
          <Panel title="Labels by distinct values">
            <CountTable label="Label" unit="Values" counts={labelCounts(found)} />
          </Panel>
          <Panel title="Values by series">
            <CountTable label="Label and value" unit="Series" counts={pairCounts(found)} total={found.series} />
          </Panel>
          {found.new_by_metric.length > 0 && last && found.growth.length > 1 && (
            <Panel title={`New series on ${last.day}`}>
              <CountTable label="Metric" unit="Series" counts={newCounts(found)} total={last.new} />
            </Panel>
          )}
        </div>
      </div>
      <p class="padded">
        <QueryCost stats={found.stats} />
      </p>
    </>
  );
}

function shareOfFirst({ by_metric, series }: Cardinality): string {
  const [first] = by_metric;
  return first ? `${formatShare(first.series / series)} of the series are ${first.metric}` : "";
}

/** Which labels make the series of one metric. */
function MetricLabels({ metric, time }: { metric: string; time: TimeState }) {
  const { data, error } = useResource<Cardinality>(
    address("/metrics/cardinality", cardinalityQuery(time.window, selector(metric))),
    time.version,
  );
  const close = (
    <button
      type="button"
      class="icon-button"
      aria-label={`Close the labels of ${metric}`}
      onClick={() => setQuery({ metric: null }, { replace: true })}
    >
      <Icon name="close" size={14} />
    </button>
  );
  return (
    <Panel title={`Labels of ${metric}`} aside={close} class="is-chosen">
      {error && <ErrorNotice error={error} />}
      {!data && !error && <Skeleton rows={4} />}
      {data && <CountTable label="Label" unit="Values" counts={labelCounts(data, metric)} />}
    </Panel>
  );
}

/** Series a day: those of the day before, and on top of them the new ones. */
function GrowthPanel({ found, time }: { found: Cardinality; time: TimeState }) {
  const theme = useTheme();
  const { growth } = found;
  const times = useMemo(() => growth.map(({ day }) => dayStart(day)), [growth]);
  const series = useMemo(
    () => [
      { name: "there the day before", values: growth.map((each) => each.series - each.new), colour: paletteColour(0) },
      { name: "new", values: growth.map((each) => each.new), colour: paletteColour(3) },
    ],
    [growth, theme],
  );
  const start = times[0] ?? 0;
  const window = useMemo(
    () => ({ startSeconds: start, endSeconds: start + times.length * DAY_SECONDS }),
    [start, times.length],
  );
  return (
    <Panel title="Series a day" aside={<span class="muted">days of UTC</span>}>
      <TimeChart
        label={`Series a day, ${growth.length} days`}
        times={times}
        series={series}
        window={window}
        stepSeconds={DAY_SECONDS}
        kind="bars"
        height={160}
        format={formatCount}
        onZoom={time.zoom}
      />
    </Panel>
  );
}
