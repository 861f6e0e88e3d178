/** Paints rows of the waterfall onto a canvas: names at the left, bars at the right. Only what is in sight. */
import { formatDuration } from "../../time/duration";
import { nanoBetween } from "../../time/nano";
import { colourOf, cssColour } from "../../ui/colour";
import { formatCost, formatCount } from "../../ui/number";
import type { Stretch } from "./timeline";
import { ticks } from "./timeline";
import type { SpanNode } from "./tree";

export const ROW_HEIGHT = 26;

export interface Layout {
  width: number;
  /** Where the names end and the bars begin. */
  nameWidth: number;
  indent: number;
  stretch: Stretch;
}

export interface Palette {
  text: string;
  muted: string;
  grid: string;
  guide: string;
  error: string;
  errorText: string;
  surface: string;
}

export function readPalette(): Palette {
  return {
    text: cssColour("--text"),
    muted: cssColour("--text-muted"),
    grid: cssColour("--grid"),
    guide: cssColour("--border"),
    error: cssColour("--error"),
    errorText: cssColour("--error-text"),
    surface: cssColour("--surface"),
  };
}

export function createLayout(width: number, maxDepth: number, stretch: Stretch): Layout {
  const nameWidth = width < 620 ? Math.round(width * 0.46) : Math.min(460, Math.max(240, Math.round(width * 0.36)));
  const indent = Math.min(14, (nameWidth * 0.5) / Math.max(maxDepth, 1));
  return { width, nameWidth, indent, stretch };
}

/** The caret's place: what is left of its end collapses, what is right of it selects. */
export function caretX(layout: Layout, depth: number): number {
  return 10 + depth * layout.indent;
}

export function timeX({ stretch, nameWidth, width }: Layout, nano: number): number {
  const share = (nano - stretch.fromNano) / (stretch.toNano - stretch.fromNano);
  return nameWidth + 8 + share * (width - nameWidth - 20);
}

const FONT = "12px system-ui, -apple-system, 'Segoe UI', sans-serif";
const STRONG = "600 12px system-ui, -apple-system, 'Segoe UI', sans-serif";
const SMALL = "11px system-ui, -apple-system, 'Segoe UI', sans-serif";

export interface Rows {
  nodes: readonly SpanNode[];
  first: number;
  last: number;
  collapsed: ReadonlySet<string>;
  /** Spans that a search found; the others fade. Null while nothing is searched. */
  found: ReadonlySet<string> | null;
}

export function paintRows(context: CanvasRenderingContext2D, rows: Rows, layout: Layout, palette: Palette): void {
  const height = (rows.last - rows.first) * ROW_HEIGHT;
  context.clearRect(0, 0, layout.width, height + ROW_HEIGHT);
  context.textBaseline = "middle";
  context.strokeStyle = palette.grid;
  context.lineWidth = 1;
  for (const tick of ticks(layout.stretch, tickCount(layout))) {
    const x = Math.round(timeX(layout, tick)) + 0.5;
    context.beginPath();
    context.moveTo(x, 0);
    context.lineTo(x, height);
    context.stroke();
  }
  for (let index = rows.first; index < rows.last; index++) {
    const node = rows.nodes[index] as SpanNode;
    const top = (index - rows.first) * ROW_HEIGHT;
    context.globalAlpha = rows.found && !rows.found.has(node.span.span_id) ? 0.28 : 1;
    paintName(context, node, top, rows.collapsed.has(node.span.span_id), layout, palette);
    paintBar(context, node, top, layout, palette);
  }
  context.globalAlpha = 1;
}

export function tickCount(layout: Layout): number {
  return Math.max(2, Math.floor((layout.width - layout.nameWidth) / 110));
}

function paintName(
  context: CanvasRenderingContext2D,
  node: SpanNode,
  top: number,
  isCollapsed: boolean,
  layout: Layout,
  palette: Palette,
): void {
  const middle = top + ROW_HEIGHT / 2;
  const x = caretX(layout, node.depth);
  context.strokeStyle = palette.guide;
  context.lineWidth = 1;
  for (let depth = 0; depth < node.depth && layout.indent >= 4; depth++) {
    const guide = Math.round(caretX(layout, depth)) + 0.5;
    context.beginPath();
    context.moveTo(guide, top);
    context.lineTo(guide, top + ROW_HEIGHT);
    context.stroke();
  }
  if (node.children.length > 0) {
    context.strokeStyle = palette.muted;
    context.lineWidth = 1.5;
    context.beginPath();
    if (isCollapsed) {
      context.moveTo(x - 2, middle - 4);
      context.lineTo(x + 2, middle);
      context.lineTo(x - 2, middle + 4);
    } else {
      context.moveTo(x - 4, middle - 2);
      context.lineTo(x, middle + 2);
      context.lineTo(x + 4, middle - 2);
    }
    context.stroke();
  }
  context.fillStyle = colourOf(node.span.service);
  context.beginPath();
  context.roundRect(x + 9, top + 6, 3, ROW_HEIGHT - 12, 1.5);
  context.fill();

  let left = x + 18;
  const right = layout.nameWidth - (node.isError ? 22 : 6);
  const newService = node.parent?.span.service !== node.span.service;
  if (newService) left += paintText(context, node.span.service, left, middle, right - left, STRONG, palette.text) + 7;
  const nameColour = newService ? palette.muted : palette.text;
  left += paintText(context, node.span.name, left, middle, right - left, FONT, nameColour) + 6;
  if (isCollapsed)
    paintText(context, `+${formatCount(node.descendants)}`, left, middle, right - left, SMALL, palette.muted);
  if (node.isError) paintErrorMark(context, layout.nameWidth - 12, middle, node.isOrigin, palette);
}

/** Full where the error began, an outline where it was passed on. */
function paintErrorMark(
  context: CanvasRenderingContext2D,
  x: number,
  middle: number,
  isOrigin: boolean,
  palette: Palette,
): void {
  context.beginPath();
  context.arc(x, middle, 6.5, 0, 2 * Math.PI);
  if (isOrigin) {
    context.fillStyle = palette.error;
    context.fill();
  } else {
    context.strokeStyle = palette.error;
    context.lineWidth = 1.25;
    context.stroke();
  }
  context.font = "700 10px system-ui, sans-serif";
  context.textAlign = "center";
  context.fillStyle = isOrigin ? palette.surface : palette.error;
  context.fillText("!", x, middle + 0.5);
  context.textAlign = "left";
}

function paintBar(
  context: CanvasRenderingContext2D,
  node: SpanNode,
  top: number,
  layout: Layout,
  palette: Palette,
): void {
  const { span } = node;
  const middle = top + ROW_HEIGHT / 2;
  const minX = layout.nameWidth + 8;
  const maxX = layout.width - 12;
  const start = timeX(layout, node.offsetNano);
  const end = timeX(layout, node.offsetNano + span.duration_nano);
  if (end < minX - 1 || start > maxX + 1) {
    // Outside of the stretch in sight: an arrow tells on which side.
    paintText(context, end < minX ? "‹" : "›", end < minX ? minX : maxX - 4, middle, 12, FONT, palette.muted);
    return;
  }
  const left = Math.max(start, minX - 2);
  const right = Math.min(Math.max(end, start + 2), maxX + 4);
  context.fillStyle = node.isOrigin ? palette.error : colourOf(span.service);
  context.beginPath();
  context.roundRect(left, middle - 6, Math.max(right - left, 2), 12, 2.5);
  context.fill();
  if (node.isError && !node.isOrigin) {
    context.fillStyle = palette.error;
    context.fillRect(left, middle + 4, Math.max(right - left, 2), 2);
  }
  for (const event of span.events) {
    const x = timeX(layout, node.offsetNano + nanoBetween(span.start_unix_nano, event.time_unix_nano));
    if (x < minX || x > maxX) continue;
    context.fillStyle = palette.surface;
    context.beginPath();
    context.arc(x, middle, 2.5, 0, 2 * Math.PI);
    context.fill();
  }
  paintBarText(context, node, left, right, middle, layout, palette);
}

function paintBarText(
  context: CanvasRenderingContext2D,
  { span, isError }: SpanNode,
  left: number,
  right: number,
  middle: number,
  layout: Layout,
  palette: Palette,
): void {
  const duration = formatDuration(span.duration_nano);
  const tokens = span.llm ? `${formatCount(span.llm.input_tokens)} → ${formatCount(span.llm.output_tokens)} tok` : "";
  const note = span.llm ? `  ${span.llm.model} · ${formatCost(span.llm.cost_usd)} · ${tokens}` : "";
  context.font = SMALL;
  const durationWidth = context.measureText(duration).width;
  const noteWidth = note ? context.measureText(note).width : 0;
  const room = layout.width - 8 - right - 6;
  const colour = isError ? palette.errorText : palette.text;
  if (room >= durationWidth) {
    paintText(context, duration, right + 6, middle, room, SMALL, colour);
    if (note && room > durationWidth + 24) {
      paintText(context, note, right + 6 + durationWidth, middle, room - durationWidth, SMALL, palette.muted);
    }
    return;
  }
  const before = left - layout.nameWidth - 14;
  if (before >= durationWidth + noteWidth) {
    paintText(context, duration, left - 6 - durationWidth, middle, durationWidth + 1, SMALL, colour);
    if (note)
      paintText(context, note.trim(), left - 12 - durationWidth - noteWidth, middle, noteWidth, SMALL, palette.muted);
  } else if (before >= durationWidth) {
    paintText(context, duration, left - 6 - durationWidth, middle, durationWidth + 1, SMALL, colour);
  } else {
    // No room on either side: inside the bar, on a plate that reads on every colour.
    const text = note && right - left > durationWidth + noteWidth + 40 ? `${note.trim()} · ${duration}` : duration;
    const width = context.measureText(text).width;
    context.fillStyle = palette.surface;
    context.beginPath();
    context.roundRect(right - width - 12, middle - 5, width + 8, 10, 2);
    context.fill();
    paintText(context, text, right - width - 8, middle + 0.5, width + 1, SMALL, colour);
  }
}

/** Draws as much of the text as fits and answers the width it took. */
function paintText(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  room: number,
  font: string,
  colour: string,
): number {
  if (room < 8) return 0;
  context.font = font;
  context.fillStyle = colour;
  const width = context.measureText(text).width;
  if (width <= room) {
    context.fillText(text, x, y);
    return width;
  }
  const kept = Math.max(0, Math.floor((text.length * (room - 9)) / width));
  context.fillText(`${text.slice(0, kept)}…`, x, y, room);
  return room;
}
