/** What the models cost today, over the window, and by model. */
import { useMemo } from "preact/hooks";
import type { Overview } from "../../api/types";
import { TimeChart } from "../../charts/time-chart";
import { pageLink } from "../../router/query";
import type { TimeWindow } from "../../time/range";
import { colourOf, cssColour } from "../../ui/colour";
import { formatCost, formatCount } from "../../ui/number";
import { Panel } from "../../ui/panel";
import { useTheme } from "../../ui/theme";

interface Props {
  llm: Overview["llm"];
  window: TimeWindow;
  stepSeconds: number;
  onZoom(window: TimeWindow): void;
}

const SHOWN_MODELS = 5;

export function SpendPanel({ llm, window, stepSeconds, onZoom }: Props) {
  const theme = useTheme();
  const series = useMemo(() => [{ name: "Spend", values: llm.cost_usd, colour: cssColour("--accent") }], [llm, theme]);
  const top = Math.max(...llm.by_model.map(({ cost_usd: cost }) => cost ?? 0), 0);
  return (
    <Panel title="LLM spend" aside={<a href={pageLink("/llm")}>All calls</a>}>
      {llm.window.calls === 0 ? (
        <p class="padded muted">No LLM calls in this time range.</p>
      ) : (
        <>
          <TimeChart
            label={`LLM spend over time, ${formatCost(llm.window.cost_usd)} in total`}
            times={llm.times}
            series={series}
            window={window}
            stepSeconds={stepSeconds}
            kind="bars"
            height={110}
            format={formatCost}
            onZoom={onZoom}
          />
          <ul class="model-list">
            {llm.by_model.slice(0, SHOWN_MODELS).map(({ model, provider, calls, cost_usd: cost }) => (
              <li key={`${provider} ${model}`}>
                <a class="row model-row" href={pageLink("/llm", { model })}>
                  <span class="cell-model">
                    <span class="dot" style={{ background: colourOf(model, "model") }} />
                    <span>{model}</span>
                  </span>
                  <span class="share-bar" aria-hidden="true">
                    <span
                      style={{
                        width: `${top > 0 ? ((cost ?? 0) / top) * 100 : 0}%`,
                        background: colourOf(model, "model"),
                      }}
                    />
                  </span>
                  <span class="cell-number muted">{formatCount(calls)} calls</span>
                  <span class={cost === null ? "cell-number warn-text" : "cell-number"}>{formatCost(cost)}</span>
                </a>
              </li>
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}
