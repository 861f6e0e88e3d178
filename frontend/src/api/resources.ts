/** Several GETs as state of a component: each is asked once, and given up when its address is no longer wanted. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { answers } from "./cache";
import { ApiError, get, isAbort } from "./client";
import type { Resource } from "./resource";

interface Slot<T> extends Resource<T> {
  key: string;
}

export interface Resources<T> {
  /** In the order of the addresses. */
  resources: readonly Resource<T>[];
  loading: boolean;
  /** Gives up what is still awaited. */
  stop(): void;
}

/**
 * @param urls what to load; an empty address is nothing
 * @param version a change loads all again although their addresses are the same
 */
export function useResources<T>(urls: readonly string[], version: number | string = 0): Resources<T> {
  const joined = urls.map((url) => (url === "" ? "" : `${version} ${url}`)).join("\n");
  const [slots, setSlots] = useState<readonly Slot<T>[]>(() => keysOf(joined).map((key) => slotOf<T>(key, null)));
  const running = useRef(new Map<string, AbortController>());

  useEffect(() => {
    const keys = keysOf(joined);
    for (const [key, controller] of running.current) {
      if (keys.includes(key)) continue;
      controller.abort();
      running.current.delete(key);
    }
    setSlots((old) =>
      keys.map((key, index) => old.find((slot) => slot.key === key) ?? slotOf<T>(key, old[index]?.data ?? null)),
    );
    for (const key of keys) {
      if (key === "" || running.current.has(key) || answers.get(key) !== undefined) continue;
      const controller = new AbortController();
      running.current.set(key, controller);
      const settle = (result: Partial<Slot<T>>) => {
        if (running.current.get(key) === controller) running.current.delete(key);
        setSlots((old) => old.map((slot) => (slot.key === key ? { ...slot, loading: false, ...result } : slot)));
      };
      get<T | undefined>(key.slice(key.indexOf(" ") + 1), controller.signal).then(
        (data) => {
          if (data !== undefined) answers.set(key, data);
          if (!controller.signal.aborted) settle({ data: data ?? null, error: null });
        },
        (error: Error) => {
          if (!isAbort(error) && !controller.signal.aborted) settle({ data: null, error });
        },
      );
    }
  }, [joined]);
  useEffect(
    () => () => {
      for (const controller of running.current.values()) controller.abort();
      running.current.clear();
    },
    [],
  );

  const stop = useCallback(() => {
    const stopped = [...running.current.keys()];
    for (const controller of running.current.values()) controller.abort();
    running.current.clear();
    const error = new ApiError(0, "ui.stopped", "Stopped before the answer was there.");
    setSlots((old) =>
      old.map((slot) => (stopped.includes(slot.key) ? { ...slot, data: null, error, loading: false } : slot)),
    );
  }, []);

  // What stands for other addresses than those of this rendering is on its way out.
  const keys = keysOf(joined);
  const resources = keys.map((key, index) => {
    const slot = slots[index];
    return slot?.key === key ? slot : slotOf<T>(key, slot?.data ?? null);
  });
  return { resources, loading: resources.some(({ loading }) => loading), stop };
}

function keysOf(joined: string): string[] {
  return joined.split("\n");
}

/** What is known of an address at once: its kept answer, or that of the address which stood there before. */
function slotOf<T>(key: string, former: T | null): Slot<T> {
  if (key === "") return { key, data: null, error: null, loading: false };
  const kept = answers.get<T>(key);
  return { key, data: kept ?? former, error: null, loading: kept === undefined };
}
