/** Live tail: the server's event stream of log records, handed on in batches, at most one a frame. */
import type { LogRecord } from "./types";

export interface LiveTail {
  close(): void;
}

export interface LiveListener {
  records(batch: LogRecord[]): void;
  dropped(count: number): void;
  connected(open: boolean): void;
}

export function openLiveTail(url: string, listener: LiveListener): LiveTail {
  const source = new EventSource(url);
  let waiting: LogRecord[] = [];
  let frame = 0;
  const flush = () => {
    frame = 0;
    const batch = waiting;
    waiting = [];
    listener.records(batch);
  };
  source.addEventListener("open", () => listener.connected(true));
  source.addEventListener("error", () => listener.connected(false));
  source.addEventListener("record", (event) => {
    waiting.push(JSON.parse((event as MessageEvent<string>).data) as LogRecord);
    if (frame === 0) frame = window.setTimeout(flush, 100);
  });
  source.addEventListener("dropped", (event) => {
    listener.dropped((JSON.parse((event as MessageEvent<string>).data) as { count: number }).count);
  });
  return {
    close() {
      window.clearTimeout(frame);
      source.close();
    },
  };
}
