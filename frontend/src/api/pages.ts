/** A list that comes in pages: the first by its filters, the next by the server's cursor, all of them as one list. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { answers } from "./cache";
import { get, isAbort } from "./client";
import type { Stats } from "./types";

interface Page {
  next_cursor: string | null;
  stats: Stats;
}

export interface Paged<Item> {
  items: Item[];
  stats: Stats | null;
  /** The first page is awaited; `items` are those of the former filters. */
  loading: boolean;
  loadingMore: boolean;
  error: Error | null;
  hasMore: boolean;
  loadMore(): void;
}

interface State<Item> {
  key: string;
  items: Item[];
  stats: Stats | null;
  cursor: string | null;
  loading: boolean;
  loadingMore: boolean;
  error: Error | null;
}

export function usePages<Item, P extends Page>(
  url: string,
  version: number | string,
  itemsOf: (page: P) => Item[],
): Paged<Item> {
  const key = `pages ${version} ${url}`;
  const [state, setState] = useState<State<Item>>(() => answers.get<State<Item>>(key) ?? empty(key));
  const current = useRef(state);
  current.current = state;
  const more = useRef<AbortController | null>(null);
  const items = useRef(itemsOf);
  items.current = itemsOf;

  useEffect(() => {
    const cached = answers.get<State<Item>>(key);
    if (cached) {
      if (current.current !== cached) setState(cached);
      return;
    }
    const controller = new AbortController();
    setState({ ...current.current, key, loading: true, loadingMore: false, error: null });
    get<P>(url, controller.signal).then(
      (page) => {
        if (controller.signal.aborted) return;
        const next: State<Item> = {
          ...empty<Item>(key),
          items: items.current(page),
          stats: page.stats,
          cursor: page.next_cursor,
          loading: false,
        };
        answers.set(key, next);
        setState(next);
      },
      (error: Error) => {
        if (!isAbort(error) && !controller.signal.aborted) setState({ ...empty<Item>(key), loading: false, error });
      },
    );
    return () => {
      controller.abort();
      more.current?.abort();
      more.current = null;
    };
  }, [key, url]);

  const loadMore = useCallback(() => {
    const { cursor, loading, loadingMore } = current.current;
    if (cursor === null || loading || loadingMore) return;
    const controller = new AbortController();
    more.current = controller;
    setState({ ...current.current, loadingMore: true, error: null });
    get<P>(`${url}&cursor=${encodeURIComponent(cursor)}`, controller.signal).then(
      (page) => {
        if (controller.signal.aborted) return;
        const next: State<Item> = {
          ...current.current,
          items: [...current.current.items, ...items.current(page)],
          stats: sum(current.current.stats, page.stats),
          cursor: page.next_cursor,
          loadingMore: false,
        };
        answers.set(key, next);
        setState(next);
      },
      (error: Error) => {
        if (!isAbort(error) && !controller.signal.aborted) {
          setState({ ...current.current, loadingMore: false, error });
        }
      },
    );
  }, [key, url]);

  const { cursor, loading, ...rest } = state;
  return { ...rest, loading: loading || state.key !== key, hasMore: cursor !== null, loadMore };
}

function empty<Item>(key: string): State<Item> {
  return { key, items: [], stats: null, cursor: null, loading: true, loadingMore: false, error: null };
}

function sum(a: Stats | null, b: Stats): Stats {
  if (a === null) return b;
  return {
    rows_read: a.rows_read + b.rows_read,
    bytes_read: a.bytes_read + b.bytes_read,
    elapsed_seconds: a.elapsed_seconds + b.elapsed_seconds,
  };
}
