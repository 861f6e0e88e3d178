/** Turns on a line of two weeks: where each begins and ends, in the order of time and without what lies outside. */
import type { OnCall, Override, Rotation, Turn } from "../../api/rules";

export const DAYS = 14;
export const DAY = 86_400;

export interface PlacedTurn {
  turn: Turn;
  startSeconds: number;
  endSeconds: number;
  /** As shares of the line. */
  from: number;
  to: number;
  isNow: boolean;
}

export interface Line {
  startSeconds: number;
  endSeconds: number;
  turns: PlacedTurn[];
}

export function momentSeconds(moment: string): number {
  return Date.parse(moment) / 1000;
}

/** From the beginning of the day of `nowSeconds`, two weeks long. */
export function toLine(rotation: Rotation, nowSeconds: number, dayStart: number): Line {
  const endSeconds = dayStart + DAYS * DAY;
  const share = (seconds: number) => Math.min(1, Math.max(0, (seconds - dayStart) / (endSeconds - dayStart)));
  const turns = [rotation.now, ...rotation.upcoming]
    .map((turn) => ({ turn, startSeconds: momentSeconds(turn.since), endSeconds: momentSeconds(turn.until) }))
    .filter((placed) => placed.endSeconds > dayStart && placed.startSeconds < endSeconds)
    .sort((a, b) => a.startSeconds - b.startSeconds)
    .map((placed) => ({
      ...placed,
      from: share(placed.startSeconds),
      to: share(placed.endSeconds),
      isNow: placed.startSeconds <= nowSeconds && nowSeconds < placed.endSeconds,
    }));
  return { startSeconds: dayStart, endSeconds, turns };
}

/** Those that run or come, in the order of time. */
export function overridesOf({ overrides }: OnCall, nowSeconds: number): Override[] {
  return overrides
    .filter(({ until }) => momentSeconds(until) > nowSeconds)
    .sort((a, b) => momentSeconds(a.since) - momentSeconds(b.since) || (a.rotation < b.rotation ? -1 : 1));
}

/** What the browser's date field holds, in local time: 2026-08-01T09:00. */
export function fieldText(seconds: number): string {
  const date = new Date(seconds * 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

export function problemOf(since: string, until: string): string {
  const [start, end] = [Date.parse(since), Date.parse(until)];
  if (Number.isNaN(start) || Number.isNaN(end)) return "Say from when until when.";
  return end <= start ? "The end must be after the beginning." : "";
}
