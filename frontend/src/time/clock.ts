/** What "now" means on the page: it stands still between refreshes, so that list, chart and totals agree. */
import { useCallback, useEffect, useMemo } from "preact/hooks";
import { serverNowSeconds } from "../api/client";
import { setQuery, useQuery } from "../router/query";
import { createStore, useStore } from "../store";
import { absoluteRange, DEFAULT_RANGE, isRelative, resolveRange, type TimeRange, type TimeWindow } from "./range";

interface Tick {
  count: number;
  nowSeconds: number;
}

const tick = createStore<Tick>({ count: 0, nowSeconds: serverNowSeconds() });

/** Loads everything on the page again; relative ranges move to the present. */
export function refresh(): void {
  tick.set({ count: tick.get().count + 1, nowSeconds: serverNowSeconds() });
}

/** A page opened by a link shows the present, not the moment of the page before it. */
export function refreshIfOld(): void {
  if (serverNowSeconds() - tick.get().nowSeconds > 10) refresh();
}

export const REFRESH_INTERVALS: readonly { value: string; label: string; seconds: number }[] = [
  { value: "", label: "Off", seconds: 0 },
  { value: "5s", label: "5 s", seconds: 5 },
  { value: "15s", label: "15 s", seconds: 15 },
  { value: "1m", label: "1 min", seconds: 60 },
  { value: "5m", label: "5 min", seconds: 300 },
];

export interface TimeState {
  range: TimeRange;
  window: TimeWindow;
  nowSeconds: number;
  /** Changes with every refresh: the version of resources whose address does not change with it. */
  version: number;
  setRange(range: TimeRange): void;
  /** Drag-to-zoom; Back undoes it. */
  zoom(window: TimeWindow): void;
}

export function useTime(): TimeState {
  const query = useQuery();
  const { count, nowSeconds } = useStore(tick);
  const start = query.get("start") ?? DEFAULT_RANGE.start;
  const end = query.get("end") ?? DEFAULT_RANGE.end;
  const range = useMemo(() => ({ start, end }), [start, end]);
  const window = useMemo(() => {
    const exact = resolveRange(range, nowSeconds);
    if (!isRelative(range)) return exact;
    return { startSeconds: Math.floor(exact.startSeconds), endSeconds: Math.ceil(exact.endSeconds) };
  }, [range, nowSeconds]);
  const setRange = useCallback((next: TimeRange) => {
    const isDefault = next.start === DEFAULT_RANGE.start && next.end === DEFAULT_RANGE.end;
    if (isRelative(next)) tick.set({ ...tick.get(), nowSeconds: serverNowSeconds() });
    setQuery(isDefault ? { start: null, end: null } : { start: next.start, end: next.end });
  }, []);
  const zoom = useCallback((next: TimeWindow) => setRange(absoluteRange(next)), [setRange]);
  return { range, window, nowSeconds, version: count, setRange, zoom };
}

/** Refreshes at the interval that the address names, while the page is visible. */
export function useAutoRefresh(): void {
  const chosen = useQuery().get("refresh") ?? "";
  const seconds = REFRESH_INTERVALS.find(({ value }) => value === chosen)?.seconds ?? 0;
  useEffect(() => {
    if (seconds === 0) return;
    const timer = window.setInterval(() => {
      if (!document.hidden) refresh();
    }, seconds * 1000);
    return () => window.clearInterval(timer);
  }, [seconds]);
}
