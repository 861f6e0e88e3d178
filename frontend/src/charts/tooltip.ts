/** The box that follows the pointer over a chart. Plain DOM: it moves with every mouse event. */
import type uPlot from "uplot";

export interface TooltipRow {
  name: string;
  colour: string;
  text: string;
  /** The one that is pointed at. */
  isNearest?: boolean;
}

export interface Tooltip {
  show(plot: uPlot, title: string, rows: readonly TooltipRow[]): void;
  hide(): void;
}

export const TOOLTIP_ROWS = 12;

export function createTooltip(holder: HTMLElement): Tooltip {
  const box = document.createElement("div");
  box.className = "tooltip";
  box.hidden = true;
  holder.append(box);
  return {
    hide() {
      box.hidden = true;
    },
    show(plot, title, rows) {
      const head = document.createElement("div");
      head.className = "tooltip-title";
      head.textContent = title;
      const lines = rows.slice(0, TOOLTIP_ROWS).map(({ name, colour, text, isNearest }) => {
        const line = document.createElement("div");
        line.className = isNearest ? "tooltip-row is-nearest" : "tooltip-row";
        const mark = document.createElement("span");
        mark.className = "dot";
        mark.style.background = colour;
        const label = document.createElement("span");
        label.className = "tooltip-name";
        label.textContent = name;
        const value = document.createElement("span");
        value.className = "tooltip-value";
        value.textContent = text;
        line.append(mark, label, value);
        return line;
      });
      if (rows.length > TOOLTIP_ROWS) {
        const more = document.createElement("div");
        more.className = "tooltip-title";
        more.textContent = `and ${rows.length - TOOLTIP_ROWS} more`;
        lines.push(more);
      }
      box.replaceChildren(head, ...lines);
      box.hidden = false;
      const area = plot.over;
      const left = area.offsetLeft + (plot.cursor.left ?? 0);
      const flip = left + box.offsetWidth + 24 > holder.clientWidth;
      box.style.left = `${flip ? Math.max(0, left - box.offsetWidth - 12) : left + 12}px`;
      box.style.top = "4px";
    },
  };
}
