/** Log search: filters, histogram, list; and the live tail, which is the same list with new records on top. */
import { useCallback, useEffect, useMemo } from "preact/hooks";
import { usePages } from "../../api/pages";
import { useResource } from "../../api/resource";
import type { LogHistogram as Histogram, LogPage, LogRecord } from "../../api/types";
import { setQuery, useQuery } from "../../router/query";
import { refresh, useTime } from "../../time/clock";
import { useZone } from "../../time/zone";
import { type AttributeExpression, addExpression } from "../../ui/attribute-expression";
import { QueryCost } from "../../ui/cost";
import { Empty, SendData } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { Icon } from "../../ui/icon";
import { useKeys } from "../../ui/keyboard";
import { formatCount } from "../../ui/number";
import { PageHead } from "../../ui/page-head";
import { Skeleton } from "../../ui/skeleton";
import { VirtualList } from "../../ui/virtual-list";
import { type LiveState, useLiveTail } from "./live-tail";
import { LogFilterBar } from "./log-filter-bar";
import { LogHistogram } from "./log-histogram";
import {
  histogramAddress,
  isFiltered,
  type LogEntry,
  liveAddress,
  logAddress,
  readLogFilters,
  withKeys,
} from "./log-query";
import { LogRow } from "./log-row";

const recordsOf = (page: LogPage) => page.records;
const keyOf = (entry: LogEntry) => entry.key;

export function LogsPage() {
  const query = useQuery();
  const time = useTime();
  const zone = useZone();
  const filters = useMemo(() => readLogFilters(query), [query]);
  const live = query.get("live") === "1";
  const tail = useLiveTail(live ? liveAddress(filters) : null);
  const pages = usePages<LogRecord, LogPage>(logAddress(filters, time.window), time.version, recordsOf);
  const histogram = useResource<Histogram>(histogramAddress(filters, time.window), time.version);
  const entries = useMemo(() => withKeys([...tail.records, ...pages.items]), [tail.records, pages.items]);
  const open = useMemo(() => new Set(query.getAll("open")), [query]);
  const withDay = time.window.endSeconds - time.window.startSeconds > 86400;
  const nothing = !pages.loading && entries.length === 0 && !pages.error;

  const toggle = (key: string) => {
    const next = open.has(key) ? [...open].filter((other) => other !== key) : [...open, key];
    setQuery({ open: next }, { replace: true });
  };
  const filter = (expression: AttributeExpression) =>
    setQuery({ attribute: addExpression(filters.attributes, expression), open: null });
  const toggleLive = () => {
    if (!live) refresh();
    setQuery({ live: live ? null : "1" });
  };
  useKeys({ l: toggleLive, p: () => live && tail.setPaused(!tail.paused) });

  return (
    <>
      <PageHead title="Logs" />
      <LogFilterBar filters={filters} window={time.window} histogram={histogram.data} live={live} onLive={toggleLive} />
      {pages.error && <ErrorNotice error={pages.error} />}
      {!nothing && !pages.error && (
        <section class="panel" aria-label="Records over time">
          <LogHistogram histogram={histogram} window={time.window} onZoom={time.zoom} />
        </section>
      )}
      {live && <LiveBar tail={tail} />}
      {nothing && !live && !isFiltered(filters) && (
        <Empty title="No logs in this time range">
          <p>Choose a longer range above, or send the first ones:</p>
          <SendData />
        </Empty>
      )}
      {nothing && !live && isFiltered(filters) && (
        <Empty title="No log record matches these filters">
          <p>Remove a filter, or choose a longer time range.</p>
        </Empty>
      )}
      {!nothing && !pages.error && (
        <section class={withDay ? "panel list-panel with-day" : "panel list-panel"} aria-label="Log records">
          {pages.loading && entries.length === 0 ? (
            <Skeleton rows={16} height={24} />
          ) : (
            <div class={pages.loading ? "is-stale" : ""}>
              <VirtualList
                label="Log records, newest first"
                items={entries}
                keyOf={keyOf}
                rowHeight={26}
                onEnd={pages.loadMore}
                render={({ key, record }) => (
                  <LogRow
                    record={record}
                    zone={zone}
                    withDay={withDay}
                    search={filters.search}
                    isOpen={open.has(key)}
                    onToggle={() => toggle(key)}
                    onFilter={filter}
                    onService={(service) => setQuery({ service, open: null })}
                  />
                )}
              />
            </div>
          )}
          <footer class="list-foot">
            <span>
              {entries.length > 0 && `${formatCount(entries.length)} ${pages.hasMore ? "newest records" : "records"}`}
            </span>
            {pages.hasMore && (
              <button type="button" class="button" disabled={pages.loadingMore} onClick={pages.loadMore}>
                {pages.loadingMore ? "Loading…" : "Load more"}
              </button>
            )}
            <QueryCost stats={pages.stats} loading={pages.loading} />
          </footer>
        </section>
      )}
    </>
  );
}

/** State of the live tail. Reading further down pauses it, so that lines do not run away from the eye. */
function LiveBar({ tail }: { tail: LiveState }) {
  const { paused, setPaused, waiting } = tail;
  const resume = useCallback(() => {
    window.scrollTo(0, 0);
    setPaused(false);
  }, [setPaused]);
  useEffect(() => {
    const pauseBelow = () => {
      if (window.scrollY > 300 && !paused) setPaused(true);
    };
    window.addEventListener("scroll", pauseBelow, { passive: true });
    return () => window.removeEventListener("scroll", pauseBelow);
  }, [paused, setPaused]);
  return (
    <div class="live-bar" role="status">
      <span class={tail.connected && !paused ? "live-dot is-on" : "live-dot"} />
      <span>{!tail.connected ? "Connecting…" : paused ? "Paused" : "Live: new records appear on top"}</span>
      {tail.dropped > 0 && <span class="error-text">{formatCount(tail.dropped)} came too fast and were left out</span>}
      <span class="spacer" />
      <button
        type="button"
        class="button"
        title="Pause or go on (p)"
        onClick={() => (paused ? resume() : setPaused(true))}
      >
        <Icon name={paused ? "play" : "pause"} size={14} />
        {paused ? (waiting > 0 ? `Show ${formatCount(waiting)} new` : "Go on") : "Pause"}
      </button>
    </div>
  );
}
