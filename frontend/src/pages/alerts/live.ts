/** The present: what fires changes by itself, so these pages ask again without being told to. */
import { useEffect, useState } from "preact/hooks";
import { serverNowSeconds } from "../../api/client";
import { useQuery } from "../../router/query";
import { useTime } from "../../time/clock";

const SECONDS = 15;

/** What is said of it to people. */
export const LIVE_NOTE = `updates every ${SECONDS} s`;

export interface Live {
  /** The version of what is shown; changes with every look. */
  version: string;
  nowSeconds: number;
}

/** Ticks while the page is visible; where the address names an interval, that one holds. */
export function useLive(): Live {
  const { version, nowSeconds } = useTime();
  const chosen = useQuery().get("refresh") ?? "";
  const [tick, setTick] = useState({ count: 0, nowSeconds: 0 });
  useEffect(() => {
    if (chosen !== "") return;
    const timer = window.setInterval(() => {
      if (!document.hidden) setTick(({ count }) => ({ count: count + 1, nowSeconds: serverNowSeconds() }));
    }, SECONDS * 1000);
    return () => window.clearInterval(timer);
  }, [chosen]);
  return { version: `${version}.${tick.count}`, nowSeconds: Math.max(nowSeconds, tick.nowSeconds) };
}
