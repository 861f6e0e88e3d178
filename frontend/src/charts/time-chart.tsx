/** Every time series of the UI: uPlot in our colours, with a tooltip, and drag-to-zoom that Back undoes. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { navigate } from "../router/location";
import { formatClock, formatDate, formatTick } from "../time/format";
import type { TimeWindow } from "../time/range";
import { useZone, type Zone } from "../time/zone";
import { cssColour } from "../ui/colour";
import { useTheme } from "../ui/theme";
import { nearestFirst } from "./nearest";
import { clearWhereAllAreGone, stack } from "./stack";
import { createTooltip, TOOLTIP_ROWS } from "./tooltip";
import { valueRange } from "./value-range";

export interface ChartSeries {
  name: string;
  values: readonly (number | null)[];
  /** Any CSS colour. */
  colour: string;
  /** A line that is none of the data: a threshold. */
  dashed?: boolean;
}

/** A time that is shaded behind everything: something went on. */
export interface ChartBand {
  startSeconds: number;
  endSeconds: number;
  /** Any CSS colour. */
  colour: string;
}

/** A single measurement beside the series: an exemplar. */
export interface ChartMark {
  time: number;
  value: number;
  text: string;
  /** Where a click leads, or "". */
  link: string;
}

interface Props {
  /** What the chart shows, for those who do not see it. */
  label: string;
  times: readonly number[];
  series: readonly ChartSeries[];
  marks?: readonly ChartMark[];
  bands?: readonly ChartBand[];
  window: TimeWindow;
  /** Width of a bar; lines leave it out. */
  stepSeconds?: number;
  /** Bars and areas stand on each other. */
  kind: "bars" | "lines" | "areas";
  /** Lines that are far from zero are shown as large as they fit, instead of from zero. */
  fitted?: boolean;
  height: number;
  format(value: number): string;
  /** Of ticks so far apart; without it, as any value. */
  formatTick?(value: number, apart: number): string;
  onZoom?(window: TimeWindow): void;
}

const NO_MARKS: readonly ChartMark[] = [];
const NO_BANDS: readonly ChartBand[] = [];
/** Pixels around a mark that belong to it. */
const MARK_REACH = 8;
const MARK_SIZE = 4;
/** Pixels around a line in which the pointer means it. */
const FOCUS_REACH = 24;

export function TimeChart(props: Props) {
  const { label, times, series, marks = NO_MARKS, bands = NO_BANDS, window: shown, kind, height } = props;
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
  }, [times, series, marks, bands, shown.startSeconds, shown.endSeconds, kind, props.fitted, height, theme, zone]);

  return <div ref={holder} class="chart" role="img" aria-label={label} style={{ height: `${height}px` }} />;
}

function createPlot(element: HTMLElement, current: { current: Props }, zone: Zone): uPlot {
  const { times, series, window: shown, kind, height, format, stepSeconds } = current.current;
  const stacked = kind !== "lines";
  const values = series.map(({ values: own }) => own);
  const drawn: (number | null)[][] = stacked ? stack(values, times.length) : values.map((own) => [...own]);
  if (kind === "areas") clearWhereAllAreGone(drawn, values);
  // The tallest of a stack is painted first, the others over it.
  const order = series.map((_, index) => (stacked ? series.length - 1 - index : index));
  const axis = {
    stroke: cssColour("--text-muted"),
    font: "11px system-ui, sans-serif",
    grid: { stroke: cssColour("--grid"), width: 1 },
    ticks: { show: false },
  };
  const tooltip = createTooltip(element);
  const marks = current.current.marks ?? NO_MARKS;
  const pointedMark = (plot: uPlot) => nearestMark(plot, marks, plot.cursor.left ?? -1, plot.cursor.top ?? -1);
  const bars = uPlot.paths.bars?.({ size: [0.86, 60], align: 1, gap: 0 });
  const options: uPlot.Options = {
    width: Math.max(element.clientWidth, 50),
    height,
    legend: { show: false },
    padding: [8, 4, 0, 0],
    cursor: {
      y: false,
      points: { show: kind === "lines" },
      focus: { prox: kind === "lines" && series.length > 1 ? FOCUS_REACH : -1 },
      drag: { x: current.current.onZoom !== undefined, y: false, setScale: false },
    },
    focus: { alpha: 0.25 },
    scales: {
      x: { time: false, range: () => [shown.startSeconds, shown.endSeconds] },
      y: { range: (_plot, min, max) => valueRange(min, max, current.current.fitted ?? false) },
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
        values: (_plot, splits, _axis, _space, apart) =>
          tickTexts(splits, (value) => current.current.formatTick?.(value, apart) ?? format(value)),
      },
    ],
    series: [
      {},
      ...order.map((index): uPlot.Series => {
        const { colour, name, dashed } = series[index] as ChartSeries;
        if (kind === "bars") {
          return { label: name, fill: colour, width: 0, points: { show: false }, ...(bars ? { paths: bars } : {}) };
        }
        // A value between two gaps is no line: it is seen as a point.
        const points = { show: true, size: 4, width: 0, fill: colour, filter: alone };
        if (kind === "lines") {
          return { label: name, stroke: colour, width: 1.5, points, ...(dashed ? { dash: [6, 4] } : {}) };
        }
        const fill = `color-mix(in oklab, ${colour} 72%, ${cssColour("--surface")})`;
        return { label: name, stroke: colour, width: 1, fill, points };
      }),
    ],
    hooks: {
      drawClear: [(plot) => paintBands(plot, current.current.bands ?? NO_BANDS)],
      draw: [(plot) => paintMarks(plot, marks)],
      ready: [
        (plot) => {
          plot.over.addEventListener("click", () => {
            const link = pointedMark(plot)?.link;
            if (link) navigate(link);
          });
        },
      ],
      setCursor: [
        (plot) => {
          const mark = pointedMark(plot);
          plot.over.style.cursor = mark?.link ? "pointer" : "";
          if (mark) {
            tooltip.show(plot, `${formatDate(mark.time, zone)} ${formatClock(mark.time, zone)}`, [
              { name: mark.text, colour: cssColour("--text"), text: mark.link ? "click opens its trace" : "" },
            ]);
            plot.setSeries(null, { focus: true });
            return;
          }
          const index = plot.cursor.idx;
          if (index === null || index === undefined || (plot.cursor.left ?? -1) < 0) {
            tooltip.hide();
            return;
          }
          // The nearest point is not the bar below the pointer: a bar begins at its point.
          const at = kind === "bars" ? barBelow(times, plot.posToVal(plot.cursor.left ?? 0, "x"), stepSeconds) : index;
          const start = at === null ? undefined : times[at];
          if (at === null || start === undefined) {
            tooltip.hide();
            return;
          }
          const rows = series
            .map(({ name, colour, values }) => ({ name, colour, value: values[at] ?? null }))
            .filter(({ value }) => value !== null && (kind === "lines" || value !== 0 || series.length === 1))
            .map((row) => ({ ...row, value: row.value as number }));
          const title = `${formatDate(start, zone)} ${formatClock(start, zone)}`;
          const pointed = plot.posToVal(plot.cursor.top ?? 0, "y");
          tooltip.show(
            plot,
            title,
            (kind === "lines" ? nearestFirst(rows, pointed, TOOLTIP_ROWS) : rows.reverse()).map((row) => ({
              ...row,
              text: format(row.value),
            })),
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

/** The points of a series that have no neighbour to be joined to. */
function alone(plot: uPlot, series: number): number[] {
  const values = plot.data[series] ?? [];
  const found: number[] = [];
  for (let index = 0; index < values.length; index++) {
    const isThere = (at: number) => (values[at] ?? null) !== null;
    if (isThere(index) && !isThere(index - 1) && !isThere(index + 1)) found.push(index);
  }
  return found;
}

function nearestMark(plot: uPlot, marks: readonly ChartMark[], left: number, top: number): ChartMark | null {
  let nearest: ChartMark | null = null;
  let least = MARK_REACH ** 2;
  for (const mark of marks) {
    const markTop = Math.max(plot.valToPos(mark.value, "y"), MARK_SIZE);
    const distance = (plot.valToPos(mark.time, "x") - left) ** 2 + (markTop - top) ** 2;
    if (distance < least) [nearest, least] = [mark, distance];
  }
  return nearest;
}

/** Diamonds: no line has such points. What is above the scale stands at its upper edge. */
function paintMarks(plot: uPlot, marks: readonly ChartMark[]): void {
  const { ctx: context } = plot;
  const size = MARK_SIZE * devicePixelRatio;
  context.save();
  context.fillStyle = cssColour("--surface");
  context.strokeStyle = cssColour("--text");
  context.lineWidth = devicePixelRatio;
  for (const { time, value } of marks) {
    const x = plot.valToPos(time, "x", true);
    const y = Math.max(plot.valToPos(value, "y", true), plot.bbox.top + size);
    if (y > plot.bbox.top + plot.bbox.height || x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width) continue;
    context.beginPath();
    context.moveTo(x, y - size);
    context.lineTo(x + size, y);
    context.lineTo(x, y + size);
    context.lineTo(x - size, y);
    context.closePath();
    context.fill();
    context.stroke();
  }
  context.restore();
}

function paintBands(plot: uPlot, bands: readonly ChartBand[]): void {
  const { ctx: context, bbox } = plot;
  context.save();
  for (const { startSeconds, endSeconds, colour } of bands) {
    const left = Math.max(plot.valToPos(startSeconds, "x", true), bbox.left);
    const right = Math.min(plot.valToPos(endSeconds, "x", true), bbox.left + bbox.width);
    if (right < bbox.left || left > bbox.left + bbox.width) continue;
    context.fillStyle = colour;
    context.fillRect(left, bbox.top, Math.max(right - left, 2 * devicePixelRatio), bbox.height);
  }
  context.restore();
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
