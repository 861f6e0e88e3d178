/** Time ranges as they stand in the address: `now-1h`, RFC 3339 or Unix seconds; absent means the last hour. */
import { parseDuration } from "./duration";

export interface TimeRange {
  start: string;
  end: string;
}

/** A range with its ends on the clock; the window that charts and requests use. */
export interface TimeWindow {
  startSeconds: number;
  endSeconds: number;
}

export const DEFAULT_RANGE: TimeRange = { start: "now-1h", end: "now" };

export const PRESETS: readonly { start: string; label: string }[] = [
  { start: "now-5m", label: "Last 5 minutes" },
  { start: "now-15m", label: "Last 15 minutes" },
  { start: "now-30m", label: "Last 30 minutes" },
  { start: "now-1h", label: "Last hour" },
  { start: "now-3h", label: "Last 3 hours" },
  { start: "now-6h", label: "Last 6 hours" },
  { start: "now-12h", label: "Last 12 hours" },
  { start: "now-24h", label: "Last 24 hours" },
  { start: "now-2d", label: "Last 2 days" },
  { start: "now-7d", label: "Last 7 days" },
  { start: "now-30d", label: "Last 30 days" },
  { start: "now-90d", label: "Last 90 days" },
];

export function isRelative(range: TimeRange): boolean {
  return range.start.startsWith("now") || range.end.startsWith("now");
}

/** Unix seconds of one end, or null where the text is no time. */
export function parseTime(text: string, nowSeconds: number): number | null {
  const value = text.trim();
  if (value === "now") return nowSeconds;
  const relative = /^now-(.+)$/.exec(value);
  if (relative) {
    const nano = parseDuration(relative[1] ?? "");
    return nano === null ? null : nowSeconds - nano / 1e9;
  }
  if (/^-?\d+(\.\d+)?$/.test(value)) return Number(value);
  if (!/^\d{4}-\d{2}-\d{2}/.test(value)) return null;
  const millis = Date.parse(value);
  return Number.isNaN(millis) ? null : millis / 1000;
}

/** The window of a range; what cannot be read falls back to the last hour, ends in wrong order are turned round. */
export function resolveRange(range: TimeRange, nowSeconds: number): TimeWindow {
  const start = parseTime(range.start, nowSeconds) ?? nowSeconds - 3600;
  const end = parseTime(range.end, nowSeconds) ?? nowSeconds;
  if (start === end) return { startSeconds: start - 30, endSeconds: end + 30 };
  return start < end ? { startSeconds: start, endSeconds: end } : { startSeconds: end, endSeconds: start };
}

export function absoluteRange(window: TimeWindow): TimeRange {
  return { start: toRfc3339(window.startSeconds), end: toRfc3339(window.endSeconds) };
}

/** Unix seconds as RFC 3339 in UTC, milliseconds only where there are some. */
export function toRfc3339(seconds: number): string {
  return new Date(Math.round(seconds * 1000)).toISOString().replace(".000Z", "Z");
}

/** The range in a word: a preset's label, or null for what has none. */
export function presetLabel(range: TimeRange): string | null {
  if (range.end !== "now") return null;
  const preset = PRESETS.find(({ start }) => start === range.start);
  if (preset) return preset.label;
  const relative = /^now-(.+)$/.exec(range.start);
  return relative ? `Last ${relative[1]}` : null;
}

/** The window moved by `factor` of its own length, or widened about its middle. */
export function shift(window: TimeWindow, factor: number): TimeWindow {
  const by = (window.endSeconds - window.startSeconds) * factor;
  return { startSeconds: window.startSeconds + by, endSeconds: window.endSeconds + by };
}

export function widen(window: TimeWindow, factor: number): TimeWindow {
  const middle = (window.startSeconds + window.endSeconds) / 2;
  const half = ((window.endSeconds - window.startSeconds) / 2) * factor;
  return { startSeconds: middle - half, endSeconds: middle + half };
}
