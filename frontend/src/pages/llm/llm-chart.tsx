/** Cost, tokens or calls over time, stacked by what the reader asks for. A click on a name narrows the page to it. */
import { useMemo } from "preact/hooks";
import type { LlmGroupBy, LlmSummary } from "../../api/types";
import { Legend } from "../../charts/legend";
import { topSeries } from "../../charts/stack";
import { TimeChart } from "../../charts/time-chart";
import { setQuery } from "../../router/query";
import type { TimeWindow } from "../../time/range";
import { cssColour, distinctColours } from "../../ui/colour";
import { formatCost, formatCount } from "../../ui/number";
import { Segmented } from "../../ui/segmented";
import { useTheme } from "../../ui/theme";
import type { LlmMetric } from "./llm-query";

const METRICS = [
  { value: "cost", label: "Cost" },
  { value: "tokens", label: "Tokens" },
  { value: "calls", label: "Calls" },
];

const GROUPS = [
  { value: "model", label: "Model" },
  { value: "service", label: "Service" },
  { value: "function", label: "Function" },
  { value: "user", label: "User" },
  { value: "provider", label: "Provider" },
];

const SHOWN_GROUPS = 8;

interface Props {
  summary: LlmSummary | null;
  stale: boolean;
  metric: LlmMetric;
  groupBy: LlmGroupBy;
  window: TimeWindow;
  onZoom(window: TimeWindow): void;
}

export function LlmChart({ summary, stale, metric, groupBy, window, onZoom }: Props) {
  const theme = useTheme();
  const series = useMemo(() => {
    const all = (summary?.groups ?? []).map((group) => ({
      name: group.name,
      values: valuesOf(group, metric),
      colour: "",
    }));
    const rest = cssColour("--text-faint");
    const top = topSeries(all, SHOWN_GROUPS, (name, values) => ({ name, values, colour: rest }));
    const named = top.filter(({ colour }) => colour !== rest).map(({ name }) => name);
    const colours = distinctColours(named, groupBy);
    return top.map((entry) => ({ ...entry, colour: entry.colour || (colours.get(entry.name) ?? rest) }));
  }, [summary, metric, groupBy, theme]);
  const shown = useMemo(
    () => series.map((entry) => ({ ...entry, name: entry.name || `no ${groupBy}` })),
    [series, groupBy],
  );
  const format = metric === "cost" ? formatCost : formatCount;
  return (
    <section class="panel" aria-label="Over time">
      <header class="panel-head">
        <Segmented
          label="Show"
          options={METRICS}
          chosen={metric}
          onChoose={(value) => setQuery({ metric: value === "cost" ? null : value })}
        />
        <span class="muted">by</span>
        <Segmented
          label="Grouped by"
          options={GROUPS}
          chosen={groupBy}
          onChoose={(value) => setQuery({ group_by: value === "model" ? null : value })}
        />
      </header>
      <div class={stale ? "chart-with-legend is-stale" : "chart-with-legend"}>
        <TimeChart
          label={`${metric} of LLM calls over time by ${groupBy}`}
          times={summary?.times ?? EMPTY}
          series={shown}
          window={window}
          stepSeconds={summary?.step_seconds ?? 60}
          kind="bars"
          height={190}
          format={format}
          onZoom={onZoom}
        />
        <Legend
          items={series.map(({ name, values, colour }) => ({
            name: name || `no ${groupBy}`,
            colour,
            total: totalText(values, format),
            onClick:
              summary?.groups.some((group) => group.name === name) && name
                ? () => setQuery({ [groupBy]: name })
                : undefined,
          }))}
        />
      </div>
    </section>
  );
}

const EMPTY: number[] = [];

function valuesOf(group: LlmSummary["groups"][number], metric: LlmMetric): (number | null)[] {
  if (metric === "cost") return group.cost_usd;
  if (metric === "calls") return group.calls;
  return group.input_tokens.map((input, index) => input + (group.output_tokens[index] ?? 0));
}

function totalText(values: readonly (number | null)[], format: (value: number) => string): string {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? "unpriced" : format(known.reduce<number>((sum, value) => sum + (value ?? 0), 0));
}
