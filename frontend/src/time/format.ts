/** Moments as text. Always 24 hours, always ISO order: 2026-08-01 14:03:07.123. */
import { nanoFraction, nanoToSeconds } from "./nano";
import type { TimeWindow } from "./range";
import type { Zone } from "./zone";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export interface ClockParts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  weekday: number;
}

export function clockParts(seconds: number, zone: Zone): ClockParts {
  const date = new Date(seconds * 1000);
  if (zone === "utc") {
    return {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      second: date.getUTCSeconds(),
      weekday: date.getUTCDay(),
    };
  }
  return {
    year: date.getFullYear(),
    month: date.getMonth() + 1,
    day: date.getDate(),
    hour: date.getHours(),
    minute: date.getMinutes(),
    second: date.getSeconds(),
    weekday: date.getDay(),
  };
}

const two = (value: number) => String(value).padStart(2, "0");

export function formatClock(seconds: number, zone: Zone): string {
  const { hour, minute, second } = clockParts(seconds, zone);
  return `${two(hour)}:${two(minute)}:${two(second)}`;
}

export function formatDate(seconds: number, zone: Zone): string {
  const { year, month, day } = clockParts(seconds, zone);
  return `${year}-${two(month)}-${two(day)}`;
}

/** 14:03:07.123, for rows of a list that lies within one day. */
export function formatTimeOfDay(nano: string, zone: Zone): string {
  return `${formatClock(Math.floor(nanoToSeconds(nano)), zone)}.${nanoFraction(nano).slice(0, 3)}`;
}

/** 2026-08-01 14:03:07.123456789; what to show where exactness matters. */
export function formatExact(nano: string, zone: Zone): string {
  const seconds = Math.floor(nanoToSeconds(nano));
  return `${formatDate(seconds, zone)} ${formatClock(seconds, zone)}.${nanoFraction(nano)}${zone === "utc" ? " UTC" : ""}`;
}

/** Aug 01 14:03:07.123: a row of a list that spans days. */
export function formatDayTime(nano: string, zone: Zone): string {
  const { month, day } = clockParts(nanoToSeconds(nano), zone);
  return `${MONTHS[month - 1]} ${two(day)} ${formatTimeOfDay(nano, zone)}`;
}

/** A window in as few characters as say it: the date once, seconds only in short windows. */
export function formatWindow(window: TimeWindow, zone: Zone): string {
  const short = window.endSeconds - window.startSeconds < 600;
  const point = (seconds: number, withDate: boolean) => {
    const { month, day } = clockParts(seconds, zone);
    const clock = formatClock(seconds, zone);
    return `${withDate ? `${MONTHS[month - 1]} ${day}, ` : ""}${short ? clock : clock.slice(0, 5)}`;
  };
  const sameDay = formatDate(window.startSeconds, zone) === formatDate(window.endSeconds, zone);
  return `${point(window.startSeconds, true)} – ${point(window.endSeconds, !sameDay)}`;
}

/** "12 s ago", for what is only read for its freshness. */
export function formatAgo(seconds: number, nowSeconds: number): string {
  const age = Math.max(0, nowSeconds - seconds);
  if (age < 5) return "just now";
  if (age < 60) return `${Math.floor(age)} s ago`;
  if (age < 3600) return `${Math.floor(age / 60)} min ago`;
  if (age < 86400) return `${Math.floor(age / 3600)} h ago`;
  return `${Math.floor(age / 86400)} d ago`;
}

/** The label of a tick of a chart's time axis, given the distance between ticks. */
export function formatTick(seconds: number, stepSeconds: number, zone: Zone): string {
  const { month, day, hour, minute } = clockParts(seconds, zone);
  if (stepSeconds >= 86400 || (hour === 0 && minute === 0 && seconds % 60 === 0 && stepSeconds >= 60)) {
    return `${MONTHS[month - 1]} ${day}`;
  }
  return stepSeconds < 60 ? formatClock(seconds, zone) : `${two(hour)}:${two(minute)}`;
}
