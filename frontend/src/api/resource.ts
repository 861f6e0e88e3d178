/** One GET as state of a component: aborted when the address changes, what was shown stays until the next answer is there. */
import { useEffect, useRef, useState } from "preact/hooks";
import { answers } from "./cache";
import { get, isAbort } from "./client";

export interface Resource<T> {
  data: T | null;
  error: Error | null;
  /** An answer is awaited; `data`, if any, is that of the former address. */
  loading: boolean;
}

/**
 * @param url what to load, or null for nothing
 * @param version a change loads again although the address is the same (refresh of an absolute time range)
 */
export function useResource<T>(url: string | null, version: number | string = 0): Resource<T> {
  const key = url === null ? null : `${version} ${url}`;
  const [state, setState] = useState<Resource<T> & { key: string | null }>(() => {
    const cached = key === null ? undefined : answers.get<T>(key);
    return { key, data: cached ?? null, error: null, loading: key !== null && cached === undefined };
  });
  const shown = useRef(state);
  shown.current = state;

  useEffect(() => {
    if (key === null || url === null) {
      setState({ key, data: null, error: null, loading: false });
      return;
    }
    const cached = answers.get<T>(key);
    if (cached !== undefined) {
      if (shown.current.data !== cached) setState({ key, data: cached, error: null, loading: false });
      return;
    }
    const controller = new AbortController();
    setState({ key, data: shown.current.data, error: null, loading: true });
    get<T>(url, controller.signal).then(
      (data) => {
        if (controller.signal.aborted) return;
        answers.set(key, data);
        setState({ key, data, error: null, loading: false });
      },
      (error: Error) => {
        if (isAbort(error) || controller.signal.aborted) return;
        setState({ key, data: null, error, loading: false });
      },
    );
    return () => controller.abort();
  }, [key, url]);

  return state.key === key ? state : { ...state, loading: key !== null };
}
