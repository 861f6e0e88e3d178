/** The live tail as state of the page: newest first, bounded, held back while it is paused. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { openLiveTail } from "../../api/live";
import type { LogRecord } from "../../api/types";

const KEPT = 2000;

export interface LiveState {
  records: LogRecord[];
  connected: boolean;
  paused: boolean;
  /** Records that arrived during the pause. */
  waiting: number;
  /** Records that the server did not send, because they came faster than this page reads. */
  dropped: number;
  setPaused(paused: boolean): void;
}

export function useLiveTail(url: string | null): LiveState {
  const [records, setRecords] = useState<LogRecord[]>([]);
  const [connected, setConnected] = useState(false);
  const [paused, setPausedState] = useState(false);
  const [waiting, setWaiting] = useState(0);
  const [dropped, setDropped] = useState(0);
  const held = useRef<LogRecord[]>([]);
  const isPaused = useRef(false);

  useEffect(() => {
    held.current = [];
    isPaused.current = false;
    setRecords([]);
    setWaiting(0);
    setDropped(0);
    setPausedState(false);
    setConnected(false);
    if (url === null) return;
    const tail = openLiveTail(url, {
      connected: setConnected,
      dropped: (count) => setDropped((total) => total + count),
      records(batch) {
        const newestFirst = batch.reverse();
        if (isPaused.current) {
          held.current = [...newestFirst, ...held.current].slice(0, KEPT);
          setWaiting((count) => count + batch.length);
        } else setRecords((old) => [...newestFirst, ...old].slice(0, KEPT));
      },
    });
    return () => tail.close();
  }, [url]);

  const setPaused = useCallback((next: boolean) => {
    isPaused.current = next;
    setPausedState(next);
    if (next) return;
    const arrived = held.current;
    held.current = [];
    setWaiting(0);
    setRecords((old) => [...arrived, ...old].slice(0, KEPT));
  }, []);

  return { records, connected, paused, waiting, dropped, setPaused };
}
