/** Every time series of the UI: uPlot in our colours, with a tooltip, and drag-to-zoom that Back undoes. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { formatClock, formatDate, formatTick } from "../time/format";
import type { TimeWindow } from "../time/range";
import { useZone, type Zone } from "../time/zone";
import { cssColour } from "../ui/colour";
import { useTheme } from "../ui/theme";
import { stack } from "./stack";
import { createTooltip } from "./tooltip";

export interface ChartSeries {
  name: string;
  values: readonly (number | null)[];
  /** Any CSS colour. */
  colour: string;
}

interface Props {
  /** What the chart shows, for those who do not see it. */
  label: string;
  times: readonly number[];
  series: readonly ChartSeries[];
  window: TimeWindow;
  /** Width of a bar; lines leave it out. */
  stepSeconds?: number;
  kind: "bars" | "lines";
  height: number;
  format(value: number): string;
  onZoom?(window: TimeWindow): void;
}

export function TimeChart(props: Props) {
  const { label, times, series, window: shown, kind, height } = props;
  const holder = useRef<HTMLDivElement>(null);
  const theme = useTheme();
  const zone = useZone();
  const current = useRef(props);
  current.current = props;

  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const plot = createPlot(element, current, zone);
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0 && element.clientWidth !== plot.width) {
        plot.setSize({ width: element.clientWidth, height });
      }
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
      element.replaceChildren();
    };
  }, [times, series, shown.startSeconds, shown.endSeconds, kind, height, theme, zone]);

  return <div ref={holder} class="chart" role="img" aria-label={label} style={{ height: `${height}px` }} />;
}

function createPlot(element: HTMLElement, current: { current: Props }, zone: Zone): uPlot {
  const { times, series, window: shown, kind, height, format, stepSeconds } = current.current;
  const stacked = kind === "bars";
  const drawn = stacked
    ? stack(
        series.map(({ values }) => values),
        times.length,
      )
    : series.map(({ values }) => [...values]);
  // The tallest of a stack is painted first, the others over it.
  const order = series.map((_, index) => (stacked ? series.length - 1 - index : index));
  const axis = {
    stroke: cssColour("--text-muted"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: cssColour("--grid"), width: 1 },
    ticks: { show: false },
  };
  const tooltip = createTooltip(element);
  const bars = uPlot.paths.bars?.({ size: [0.86, 60], align: 1, gap: 0 });
  const options: uPlot.Options = {
    width: Math.max(element.clientWidth, 50),
    height,
    legend: { show: false },
    padding: [8, 4, 0, 0],
    cursor: {
      y: false,
      points: { show: kind === "lines" },
      drag: { x: current.current.onZoom !== undefined, y: false, setScale: false },
    },
    scales: {
      x: { time: false, range: () => [shown.startSeconds, shown.endSeconds] },
      y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] },
    },
    axes: [
      {
        ...axis,
        size: 24,
        space: 72,
        incrs: TIME_STEPS,
        values: (_plot, splits, _axis, _space, step) => splits.map((second) => formatTick(second, step, zone)),
      },
      {
        ...axis,
        size: 56,
        space: 34,
        values: (_plot, splits) => tickTexts(splits, format),
      },
    ],
    series: [
      {},
      ...order.map((index): uPlot.Series => {
        const { colour, name } = series[index] as ChartSeries;
        return stacked
          ? { label: name, fill: colour, width: 0, points: { show: false }, ...(bars ? { paths: bars } : {}) }
          : { label: name, stroke: colour, width: 1.5, points: { show: false } };
      }),
    ],
    hooks: {
      setCursor: [
        (plot) => {
          const index = plot.cursor.idx;
          if (index === null || index === undefined || (plot.cursor.left ?? -1) < 0) {
            tooltip.hide();
            return;
          }
          // The nearest point is not the bar below the pointer: a bar begins at its point.
          const at = stacked ? barBelow(times, plot.posToVal(plot.cursor.left ?? 0, "x"), stepSeconds) : index;
          const start = at === null ? undefined : times[at];
          if (at === null || start === undefined) {
            tooltip.hide();
            return;
          }
          const rows = series
            .map(({ name, colour, values }) => ({ name, colour, value: values[at] ?? null }))
            .filter(({ value }) => value !== null && (value !== 0 || series.length === 1));
          const title = `${formatDate(start, zone)} ${formatClock(start, zone)}`;
          tooltip.show(
            plot,
            title,
            rows.reverse().map((row) => ({ ...row, text: format(row.value as number) })),
          );
        },
      ],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 4) return;
          const startSeconds = plot.posToVal(left, "x");
          const endSeconds = plot.posToVal(left + width, "x");
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          current.current.onZoom?.({ startSeconds, endSeconds });
        },
      ],
    },
  };
  const data = [[...times], ...order.map((index) => drawn[index])] as uPlot.AlignedData;
  return new uPlot(options, data, element);
}

/** Each text once: a count of up to one would be ticked 0, 1, 1. */
function tickTexts(splits: readonly number[], format: (value: number) => string): string[] {
  const texts = splits.map((value) => (value === 0 ? "0" : tickText(format(value))));
  return texts.map((text, index) => (texts.indexOf(text) === index ? text : ""));
}

/** A tick needs no zeros behind its point: $0.05, not $0.0500. */
function tickText(text: string): string {
  return text.replace(/(\.\d*?)0+(?=\D*$)/, "$1").replace(/\.(?=\D*$)/, "");
}

function barBelow(times: readonly number[], seconds: number, step = 0): number | null {
  for (let index = times.length - 1; index >= 0; index--) {
    const start = times[index] as number;
    if (start <= seconds) return step === 0 || seconds < start + step ? index : null;
  }
  return null;
}

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;
const TIME_STEPS = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 30].map((days) => days * DAY),
];
