/** Logs of a trace or span, with their time counted from the trace's start; each opens to its fields. */
import { useState } from "preact/hooks";
import type { LogRecord } from "../../api/types";
import { formatDuration } from "../../time/duration";
import { nanoBetween } from "../../time/nano";
import { AttributeTable } from "../../ui/attributes";
import { firstLine } from "../../ui/first-line";
import { LevelMark } from "../../ui/level-mark";
import { ServiceName } from "../../ui/service";

interface Props {
  logs: readonly LogRecord[];
  traceStart: string;
  /** Shows the service, and calls with the record's span id. */
  onSpan?: ((spanId: string) => void) | undefined;
}

export function TraceLogs({ logs, traceStart, onSpan }: Props) {
  const [open, setOpen] = useState<LogRecord | null>(null);
  return (
    <div class="trace-logs" role="list">
      {logs.map((record) => {
        const isOpen = record === open;
        return (
          <div
            key={`${record.time_unix_nano} ${record.span_id} ${record.body}`}
            role="listitem"
            class={`log-level-${record.level}`}
          >
            <button
              type="button"
              class={onSpan ? "row trace-log trace-log-wide" : "row trace-log"}
              aria-expanded={isOpen}
              onClick={() => setOpen(isOpen ? null : record)}
            >
              <span class="cell-time">
                +{formatDuration(Math.max(0, nanoBetween(traceStart, record.time_unix_nano)))}
              </span>
              <LevelMark level={record.level} />
              {onSpan && <ServiceName name={record.service} />}
              <span class="log-body">{firstLine(record.body || record.event_name)}</span>
            </button>
            {isOpen && (
              <div class="log-detail">
                <pre class="log-full">{record.body}</pre>
                {onSpan && record.span_id && (
                  <button type="button" class="button" onClick={() => onSpan(record.span_id as string)}>
                    Show its span
                  </button>
                )}
                <AttributeTable title="Attributes" scope="log" attributes={record.attributes} />
              </div>
            )}
          </div>
        );
      })}
    </div>
  );
}
