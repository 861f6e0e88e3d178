/** Traces as points: when and how long, on a logarithmic scale. A click opens one, a box searches for what lies within. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { TraceSummary } from "../../api/types";
import { fitCanvas } from "../../charts/canvas";
import { navigate } from "../../router/location";
import { pageLink } from "../../router/query";
import { formatDuration } from "../../time/duration";
import { formatClock, formatTick } from "../../time/format";
import { nanoToSeconds } from "../../time/nano";
import type { TimeWindow } from "../../time/range";
import type { Zone } from "../../time/zone";
import { colourOf, cssColour } from "../../ui/colour";
import { formatWhole } from "../../ui/number";
import { useTheme } from "../../ui/theme";

export interface ScatterBox {
  window: TimeWindow;
  minNano: number;
  maxNano: number;
}

interface Props {
  traces: readonly TraceSummary[];
  /** False while older traces of the window are not loaded. */
  complete: boolean;
  window: TimeWindow;
  zone: Zone;
  onBox(box: ScatterBox): void;
}

interface Point {
  x: number;
  y: number;
  trace: TraceSummary;
}

const HEIGHT = 150;
const LEFT = 56;
const BOTTOM = 22;
const TOP = 8;
const REACH = 12;

export function DurationScatter({ traces, complete, window: wanted, zone, onBox }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  const [width, setWidth] = useState(0);
  const [hovered, setHovered] = useState<Point | null>(null);
  const [drag, setDrag] = useState<{ from: [number, number]; to: [number, number] } | null>(null);
  const shown = useMemo(() => loadedWindow(traces, complete, wanted), [traces, complete, wanted]);
  const scale = useMemo(() => createScale(traces, shown, width), [traces, shown, width]);
  const points = useMemo(
    () =>
      traces.map((trace) => ({
        trace,
        x: scale.x(nanoToSeconds(trace.start_unix_nano)),
        y: scale.y(trace.duration_nano),
      })),
    [traces, scale],
  );

  useEffect(() => {
    const element = canvas.current?.parentElement;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    const context = canvas.current && fitCanvas(canvas.current, width, HEIGHT);
    if (!context) return;
    context.clearRect(0, 0, width, HEIGHT);
    drawAxes(context, scale, shown, width, zone);
    const error = cssColour("--error");
    for (const { x, y, trace } of points) {
      context.beginPath();
      context.arc(x, y, trace === hovered?.trace ? 5 : 3, 0, 2 * Math.PI);
      context.fillStyle = trace.error_count > 0 ? error : colourOf(trace.root_service, "service", 0.75);
      context.fill();
    }
    if (drag) {
      context.fillStyle = cssColour("--selection");
      context.strokeStyle = cssColour("--accent");
      const box: [number, number, number, number] = [
        Math.min(drag.from[0], drag.to[0]),
        Math.min(drag.from[1], drag.to[1]),
        Math.abs(drag.to[0] - drag.from[0]),
        Math.abs(drag.to[1] - drag.from[1]),
      ];
      context.fillRect(...box);
      context.strokeRect(...box);
    }
  }, [points, scale, width, hovered, drag, theme, zone, shown]);

  const positionOf = (event: PointerEvent): [number, number] => [event.offsetX, event.offsetY];
  const nearest = ([x, y]: [number, number]): Point | null => {
    let best: Point | null = null;
    let bestDistance = REACH ** 2;
    for (const point of points) {
      const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
      if (distance < bestDistance) [best, bestDistance] = [point, distance];
    }
    return best;
  };
  const finish = () => {
    if (!drag) return;
    setDrag(null);
    const [x1, y1] = drag.from;
    const [x2, y2] = drag.to;
    if (Math.abs(x2 - x1) < 5 && Math.abs(y2 - y1) < 5) {
      const point = nearest(drag.to);
      if (point) navigate(pageLink(`/traces/${point.trace.trace_id}`));
      return;
    }
    onBox({
      window: { startSeconds: scale.seconds(Math.min(x1, x2)), endSeconds: scale.seconds(Math.max(x1, x2)) },
      minNano: scale.nano(Math.max(y1, y2)),
      maxNano: scale.nano(Math.min(y1, y2)),
    });
  };
  return (
    <div class="scatter" style={{ height: `${HEIGHT}px` }}>
      <canvas
        ref={canvas}
        class={hovered ? "scatter-canvas is-pointing" : "scatter-canvas"}
        role="img"
        aria-label={`Duration of ${traces.length} traces over time; the list below has the same traces`}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag({ from: positionOf(event), to: positionOf(event) });
        }}
        onPointerMove={(event) => {
          if (drag) setDrag({ ...drag, to: positionOf(event) });
          else setHovered(nearest(positionOf(event)));
        }}
        onPointerUp={finish}
        onPointerCancel={() => setDrag(null)}
        onPointerLeave={() => setHovered(null)}
      />
      {!complete && traces.length > 0 && (
        <span class="scatter-note">the {formatWhole(traces.length)} newest; the list goes on below</span>
      )}
      {hovered && !drag && (
        <div
          class="tooltip"
          style={{
            left: `${Math.min(hovered.x + 12, Math.max(0, width - 270))}px`,
            top: `${Math.min(hovered.y + 8, HEIGHT - 56)}px`,
          }}
        >
          <div class="tooltip-title">
            {hovered.trace.root_service} · {hovered.trace.root_name}
          </div>
          {formatDuration(hovered.trace.duration_nano)} at{" "}
          {formatClock(nanoToSeconds(hovered.trace.start_unix_nano), zone)}
          {hovered.trace.error_count > 0 && `, ${hovered.trace.error_count} errors`}
        </div>
      )}
    </div>
  );
}

interface Scale {
  x(seconds: number): number;
  y(nano: number): number;
  seconds(x: number): number;
  nano(y: number): number;
  decades: number[];
}

function createScale(traces: readonly TraceSummary[], shown: TimeWindow, width: number): Scale {
  const logs = traces.map((trace) => Math.log10(Math.max(trace.duration_nano, 1)));
  const low = traces.length > 0 ? Math.min(...logs) - 0.15 : 6;
  const high = Math.max(traces.length > 0 ? Math.max(...logs) + 0.15 : 9, low + 1);
  const plotWidth = Math.max(width - LEFT - 8, 1);
  const plotHeight = HEIGHT - TOP - BOTTOM;
  const span = shown.endSeconds - shown.startSeconds;
  const decades = [];
  for (let decade = Math.ceil(low); decade <= high; decade++) decades.push(10 ** decade);
  return {
    x: (seconds) => LEFT + ((seconds - shown.startSeconds) / span) * plotWidth,
    y: (nano) => TOP + (1 - (Math.log10(Math.max(nano, 1)) - low) / (high - low)) * plotHeight,
    seconds: (x) => shown.startSeconds + (Math.min(Math.max(x - LEFT, 0), plotWidth) / plotWidth) * span,
    nano: (y) => 10 ** (low + (1 - Math.min(Math.max(y - TOP, 0), plotHeight) / plotHeight) * (high - low)),
    decades,
  };
}

function drawAxes(context: CanvasRenderingContext2D, scale: Scale, shown: TimeWindow, width: number, zone: Zone): void {
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = cssColour("--text-muted");
  context.strokeStyle = cssColour("--grid");
  context.lineWidth = 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const decade of scale.decades) {
    const y = Math.round(scale.y(decade)) + 0.5;
    context.beginPath();
    context.moveTo(LEFT, y);
    context.lineTo(width - 8, y);
    context.stroke();
    context.fillText(decadeLabel(decade), LEFT - 8, y);
  }
  context.textAlign = "center";
  const step = timeStep((shown.endSeconds - shown.startSeconds) / Math.max(1, Math.floor((width - LEFT) / 90)));
  for (let second = Math.ceil(shown.startSeconds / step) * step; second < shown.endSeconds; second += step) {
    context.fillText(formatTick(second, step, zone), scale.x(second), HEIGHT - BOTTOM / 2 + 2);
  }
}

/** While older traces are not loaded, the chart begins with the oldest that is: emptiness must mean that nothing happened. */
function loadedWindow(traces: readonly TraceSummary[], complete: boolean, wanted: TimeWindow): TimeWindow {
  if (complete || traces.length === 0) return wanted;
  const oldest = Math.min(...traces.map((trace) => nanoToSeconds(trace.start_unix_nano)));
  const length = Math.max(wanted.endSeconds - oldest, 1);
  return { startSeconds: wanted.endSeconds - length * 1.02, endSeconds: wanted.endSeconds };
}

function decadeLabel(nano: number): string {
  return formatDuration(nano).replace(/\.0+(?= )/, "");
}

function timeStep(least: number): number {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  return steps.find((step) => step >= least) ?? Math.ceil(least / 86400) * 86400;
}
