/** Trace search: filters, the found traces as points over time, and as a list. */
import { useMemo } from "preact/hooks";
import { usePages } from "../../api/pages";
import type { TracePage as TraceAnswer, TraceSummary } from "../../api/types";
import { setQuery, useQuery } from "../../router/query";
import { useTime } from "../../time/clock";
import { formatDuration } from "../../time/duration";
import { absoluteRange } from "../../time/range";
import { useZone } from "../../time/zone";
import { QueryCost } from "../../ui/cost";
import { Empty, SendData } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { formatCount } from "../../ui/number";
import { PageHead } from "../../ui/page-head";
import { Skeleton } from "../../ui/skeleton";
import { VirtualList } from "../../ui/virtual-list";
import { DurationScatter, type ScatterBox } from "./duration-scatter";
import { TraceFilterBar } from "./trace-filter-bar";
import { isFiltered, readTraceFilters, traceAddress } from "./trace-query";
import { TraceRow } from "./trace-row";

const tracesOf = (page: TraceAnswer) => page.traces;
const keyOf = (trace: TraceSummary) => trace.trace_id;

export function TracesPage() {
  const query = useQuery();
  const time = useTime();
  const zone = useZone();
  const filters = useMemo(() => readTraceFilters(query), [query]);
  const pages = usePages<TraceSummary, TraceAnswer>(traceAddress(filters, time.window), time.version, tracesOf);
  const longestNano = useMemo(() => Math.max(0, ...pages.items.map((trace) => trace.duration_nano)), [pages.items]);
  const fullBarNano = useMemo(
    () =>
      percentile(
        pages.items.map((trace) => trace.duration_nano),
        0.95,
      ),
    [pages.items],
  );
  const withDay = time.window.endSeconds - time.window.startSeconds > 86400;
  const nothing = !pages.loading && pages.items.length === 0 && !pages.error;

  const selectBox = ({ window: chosen, minNano, maxNano }: ScatterBox) => {
    setQuery({ ...absoluteRange(chosen), min_duration: goDuration(minNano), max_duration: goDuration(maxNano) });
  };

  return (
    <>
      <PageHead title="Traces" />
      <TraceFilterBar filters={filters} window={time.window} />
      {pages.error && <ErrorNotice error={pages.error} />}
      {nothing && !isFiltered(filters) && (
        <Empty title="No traces in this time range">
          <p>Choose a longer range above, or send the first ones:</p>
          <SendData />
        </Empty>
      )}
      {nothing && isFiltered(filters) && (
        <Empty title="No trace matches these filters">
          <p>Remove a filter, or choose a longer time range.</p>
        </Empty>
      )}
      {!nothing && !pages.error && (
        <>
          <section
            class={pages.loading && pages.items.length > 0 ? "panel is-stale" : "panel"}
            aria-label="Duration over time"
          >
            <DurationScatter
              traces={pages.items}
              complete={!pages.hasMore}
              window={time.window}
              zone={zone}
              onBox={selectBox}
            />
          </section>
          <section class={withDay ? "panel list-panel with-day" : "panel list-panel"} aria-label="Traces">
            <header class="list-head trace-row" aria-hidden="true">
              <span>Time</span>
              <span>Root operation</span>
              <span>Also in</span>
              <span />
              <span class="cell-number">Spans</span>
              <span class="cell-number">Duration</span>
            </header>
            {pages.loading && pages.items.length === 0 ? (
              <Skeleton rows={12} />
            ) : (
              <div class={pages.loading ? "is-stale" : ""}>
                <VirtualList
                  label="Traces, newest first"
                  items={pages.items}
                  keyOf={keyOf}
                  rowHeight={32}
                  onEnd={pages.loadMore}
                  render={(trace) => <TraceRow trace={trace} zone={zone} withDay={withDay} fullBarNano={fullBarNano} />}
                />
              </div>
            )}
            <footer class="list-foot">
              <span>
                {pages.items.length > 0 &&
                  `${formatCount(pages.items.length)} ${pages.hasMore ? "newest traces" : "traces"}, up to ${formatDuration(longestNano)}`}
              </span>
              {pages.hasMore && (
                <button type="button" class="button" disabled={pages.loadingMore} onClick={pages.loadMore}>
                  {pages.loadingMore ? "Loading…" : "Load more"}
                </button>
              )}
              <QueryCost stats={pages.stats} loading={pages.loading} />
            </footer>
          </section>
        </>
      )}
    </>
  );
}

/** Bars are full from here on: one trace of an hour must not turn all others into dots. */
function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
}

/** A duration that the API reads, rounded to what the eye can tell in the chart. */
function goDuration(nano: number): string {
  if (nano <= 0) return "";
  if (nano < 1e6) return `${Math.round(nano / 1e3)}us`;
  if (nano < 1e9) return `${(nano / 1e6).toPrecision(3).replace(/\.?0+$/, "")}ms`;
  return `${Number((nano / 1e9).toPrecision(3))}s`;
}
