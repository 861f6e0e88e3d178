/** LLM calls: what they cost, over time and each. */
import { useMemo } from "preact/hooks";
import { usePages } from "../../api/pages";
import { useResource } from "../../api/resource";
import type { LlmCall, LlmCallPage, LlmGroupBy, LlmSummary } from "../../api/types";
import { useQuery } from "../../router/query";
import { useTime } from "../../time/clock";
import { useZone } from "../../time/zone";
import { QueryCost } from "../../ui/cost";
import { Empty, Snippet } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { plural } from "../../ui/number";
import { PageHead } from "../../ui/page-head";
import { Skeleton } from "../../ui/skeleton";
import { VirtualList } from "../../ui/virtual-list";
import { LlmChart } from "./llm-chart";
import { LlmFilterBar } from "./llm-filter-bar";
import { callsAddress, isFiltered, type LlmMetric, readLlmFilters, summaryAddress } from "./llm-query";
import { LlmRow } from "./llm-row";
import { LlmTiles } from "./llm-tiles";

const callsOf = (page: LlmCallPage) => page.calls;
const keyOf = (call: LlmCall) => `${call.trace_id}${call.span_id}`;

const SNIPPET = `import sonde
sonde.configure(service="my-service")  # openai, anthropic and langchain are instrumented`;

export function LlmPage() {
  const query = useQuery();
  const time = useTime();
  const zone = useZone();
  const filters = useMemo(() => readLlmFilters(query), [query]);
  const metric = (query.get("metric") ?? "cost") as LlmMetric;
  const groupBy = (query.get("group_by") ?? "model") as LlmGroupBy;
  const pages = usePages<LlmCall, LlmCallPage>(callsAddress(filters, time.window), time.version, callsOf);
  const summary = useResource<LlmSummary>(summaryAddress(filters, time.window, groupBy), time.version);
  const nothing = !pages.loading && pages.items.length === 0 && !pages.error;
  const withDay = time.window.endSeconds - time.window.startSeconds > 86400;
  return (
    <>
      <PageHead title="LLM calls" />
      <LlmFilterBar filters={filters} window={time.window} calls={pages.items} />
      {pages.error && <ErrorNotice error={pages.error} />}
      {nothing && !isFiltered(filters) && (
        <Empty title="No LLM calls in this time range">
          <p>
            Choose a longer range above, or send the first ones. Calls by genuine clients and spans with{" "}
            <code>gen_ai.*</code> attributes are understood.
          </p>
          <Snippet label="From Python" text={`pip install sonde\n\n${SNIPPET}`} />
        </Empty>
      )}
      {nothing && isFiltered(filters) && (
        <Empty title="No LLM call matches these filters">
          <p>Remove a filter, or choose a longer time range.</p>
        </Empty>
      )}
      {!nothing && !pages.error && (
        <>
          {summary.error ? <ErrorNotice error={summary.error} /> : <LlmTiles totals={summary.data?.totals ?? null} />}
          <LlmChart
            summary={summary.data}
            stale={summary.loading && summary.data !== null}
            metric={metric}
            groupBy={groupBy}
            window={time.window}
            onZoom={time.zoom}
          />
          <section class={withDay ? "panel list-panel with-day" : "panel list-panel"} aria-label="Calls">
            <header class="list-head llm-row" aria-hidden="true">
              <span>Time</span>
              <span>Model</span>
              <span>Service, function</span>
              <span>Prompt → completion</span>
              <span class="cell-number cell-tokens">Tokens</span>
              <span class="cell-number">Cost</span>
              <span class="cell-number">Latency</span>
            </header>
            {pages.loading && pages.items.length === 0 ? (
              <Skeleton rows={12} />
            ) : (
              <div class={pages.loading ? "is-stale" : ""}>
                <VirtualList
                  label="LLM calls"
                  items={pages.items}
                  keyOf={keyOf}
                  rowHeight={32}
                  onEnd={pages.loadMore}
                  render={(call) => <LlmRow call={call} zone={zone} withDay={withDay} />}
                />
              </div>
            )}
            <footer class="list-foot">
              <span>{pages.items.length > 0 && plural(pages.items.length, "call")}</span>
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
