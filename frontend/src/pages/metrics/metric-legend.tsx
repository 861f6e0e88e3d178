/** The series below a graph, with the figures of each; a click shows one alone. */
import type { DrawnSeries } from "./drawn-series";
import type { Summary } from "./matrix";
import { formatMetric } from "./metric-value";

interface Props {
  series: readonly (DrawnSeries & { colour: string })[];
  only: readonly string[];
  /** `more` adds to what is shown, or takes away from it. */
  onChoose(key: string, more: boolean): void;
}

const FIGURES: readonly { id: keyof Summary; label: string }[] = [
  { id: "min", label: "min" },
  { id: "mean", label: "mean" },
  { id: "max", label: "max" },
  { id: "last", label: "last" },
];

export function MetricLegend({ series, only, onChoose }: Props) {
  return (
    <div class="metric-legend">
      <table class="legend-table">
        <thead>
          <tr>
            <th scope="col">Series</th>
            {FIGURES.map(({ id, label }) => (
              <th key={id} scope="col" class="cell-number">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {series.map(({ key, name, text, colour, summary }) => {
            const chosen = only.includes(key);
            return (
              <tr key={key} class={only.length > 0 && !chosen ? "is-off" : ""}>
                <td>
                  <button
                    type="button"
                    class="legend-item"
                    aria-pressed={chosen}
                    title={`${text}\nClick: this one alone. Ctrl+click: this one too.`}
                    onClick={(event) => onChoose(key, event.ctrlKey || event.metaKey || event.shiftKey)}
                  >
                    <span class="dot" style={{ background: colour }} />
                    <span class="legend-name">{name}</span>
                  </button>
                </td>
                {FIGURES.map(({ id }) => (
                  <td key={id} class="cell-number">
                    {formatMetric(summary[id])}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
