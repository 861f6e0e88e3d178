/** The metrics explorer: choose a metric or write PromQL, see it as a graph or a table, and what it cost. */
import { useMemo, useRef } from "preact/hooks";
import type { InstantResult, PrometheusAnswer, RangeResult } from "../../api/prometheus";
import { useResources } from "../../api/resources";
import { setQuery, useQuery } from "../../router/query";
import { refresh, useTime } from "../../time/clock";
import { Empty } from "../../ui/empty";
import { useKeys } from "../../ui/keyboard";
import { Segmented } from "../../ui/segmented";
import { Tabs } from "../../ui/tabs";
import { MetricBrowser } from "./metric-browser";
import { MetricGraph } from "./metric-graph";
import { MetricTable } from "./metric-table";
import { MetricsHead } from "./metrics-head";
import {
  exprParameters,
  GRAPH_SERIES,
  instantAddress,
  rangeAddress,
  readMetricsQuery,
  stepSeconds,
  TABLE_ROWS,
  type View,
} from "./metrics-query";
import { QueryRows } from "./query-rows";

const NOTHING: readonly string[] = [];

export function MetricsPage() {
  const query = useQuery();
  const { window, version } = useTime();
  const { exprs, view, shape, only, exemplars, sort } = useMemo(() => readMetricsQuery(query), [query]);
  const step = stepSeconds(window);
  const isGraph = view === "graph";
  const ranges = useResources<PrometheusAnswer<RangeResult>>(
    isGraph ? exprs.map((expr) => rangeAddress(expr, window, step)) : NOTHING,
    version,
  );
  const instants = useResources<PrometheusAnswer<InstantResult>>(
    isGraph ? NOTHING : exprs.map((expr) => instantAddress(expr, window)),
    version,
  );
  const asked = isGraph ? ranges : instants;

  // What is being written, before it is asked.
  const drafts = useRef<{ of: string; texts: string[] }>({ of: "", texts: [] });
  const written = JSON.stringify(exprs);
  if (drafts.current.of !== written) drafts.current = { of: written, texts: [...exprs] };
  const active = useRef(0);
  const ask = (texts: readonly string[]) => {
    const isSame = texts.length === exprs.length && texts.every((text, index) => text === exprs[index]);
    if (isSame) refresh();
    else setQuery({ expr: exprParameters(texts), only: null });
  };
  const choose = (expr: string) => {
    const index = Math.min(active.current, exprs.length - 1);
    ask(drafts.current.texts.map((text, other) => (other === index ? expr : text)));
  };
  const setView = (next: View) => setQuery({ view: next === "graph" ? null : next });
  useKeys({
    v: () => setView(isGraph ? "table" : "graph"),
    s: () => setQuery({ shape: shape === "lines" ? "stacked" : null }, { replace: true }),
  });

  const isEmpty = exprs.every((expr) => expr === "");
  return (
    <>
      <MetricsHead title="Metrics" />
      <div class="metrics-columns">
        <MetricBrowser chosen={exprs.join("\n")} onChoose={choose} />
        <div class="metrics-main">
          <QueryRows
            exprs={exprs}
            answers={asked.resources}
            window={window}
            limit={isGraph ? GRAPH_SERIES : TABLE_ROWS}
            loading={asked.loading}
            onRun={() => ask(drafts.current.texts)}
            onStop={asked.stop}
            onEdit={(index, text) => {
              drafts.current.texts[index] = text;
            }}
            onFocus={(index) => {
              active.current = index;
            }}
            onAdd={() => {
              active.current = exprs.length;
              setQuery({ expr: [...drafts.current.texts, ""], only: null });
            }}
            onRemove={(index) => {
              active.current = 0;
              setQuery({
                expr: exprParameters(drafts.current.texts.filter((_, other) => other !== index)),
                only: null,
              });
            }}
          />
          {isEmpty ? (
            <Empty title="Nothing is asked yet">
              <p>Choose a metric from the list, or write PromQL above and press Enter.</p>
            </Empty>
          ) : (
            <>
              <div class="tab-bar">
                <Tabs
                  label="Result"
                  chosen={view}
                  onChoose={(id) => setView(id as View)}
                  tabs={[
                    { id: "graph", label: "Graph" },
                    { id: "table", label: "Table" },
                  ]}
                />
                {isGraph && (
                  <div class="graph-tools">
                    <button
                      type="button"
                      class="button"
                      aria-pressed={exemplars}
                      title="Single measurements, each with its trace"
                      onClick={() => setQuery({ exemplars: exemplars ? "0" : null }, { replace: true })}
                    >
                      ◇ Exemplars
                    </button>
                    <Segmented
                      label="Shape"
                      options={[
                        { value: "lines", label: "Lines" },
                        { value: "stacked", label: "Stacked" },
                      ]}
                      chosen={shape}
                      onChoose={(value) => setQuery({ shape: value === "lines" ? null : value }, { replace: true })}
                    />
                  </div>
                )}
              </div>
              {isGraph ? (
                <MetricGraph
                  exprs={exprs}
                  answers={ranges.resources}
                  step={step}
                  shape={shape}
                  only={only}
                  exemplars={exemplars}
                />
              ) : (
                <MetricTable answers={instants.resources} sort={sort} />
              )}
            </>
          )}
          <p class="key-help metrics-keys">
            <kbd>/</kbd> find a metric · <kbd>e</kbd> query · <kbd>Enter</kbd> run · <kbd>Shift</kbd> <kbd>Enter</kbd>{" "}
            new line · <kbd>v</kbd> graph or table · <kbd>s</kbd> stack · <kbd>r</kbd> refresh
          </p>
        </div>
      </div>
    </>
  );
}
