/** One log record: a line, and below it all its fields once it is opened. */
import type { LogRecord } from "../../api/types";
import { pageLink } from "../../router/query";
import { formatDayTime, formatExact, formatTimeOfDay } from "../../time/format";
import type { Zone } from "../../time/zone";
import type { AttributeExpression } from "../../ui/attribute-expression";
import { AttributeTable } from "../../ui/attributes";
import { CopyButton } from "../../ui/copy";
import { firstLine } from "../../ui/first-line";
import { Highlight } from "../../ui/highlight";
import { Icon } from "../../ui/icon";
import { laidOut } from "../../ui/json-text";
import { LevelMark } from "../../ui/level-mark";
import { ServiceName } from "../../ui/service";

interface Props {
  record: LogRecord;
  zone: Zone;
  withDay: boolean;
  search: string;
  isOpen: boolean;
  onToggle(): void;
  onFilter(expression: AttributeExpression): void;
  onService(service: string): void;
}

const INLINE_ATTRIBUTES = 6;

export function LogRow({ record, zone, withDay, search, isOpen, onToggle, onFilter, onService }: Props) {
  const { time_unix_nano: time, level } = record;
  return (
    <div class={isOpen ? `log-entry is-open log-level-${level}` : `log-entry log-level-${level}`}>
      <button type="button" class="row log-row" aria-expanded={isOpen} onClick={onToggle}>
        <time class="cell-time" title={formatExact(time, zone)}>
          {withDay ? formatDayTime(time, zone) : formatTimeOfDay(time, zone)}
        </time>
        <LevelMark level={level} />
        <ServiceName name={record.service} />
        <span class="log-line">
          <span class="log-body">
            <Highlight text={firstLine(record.body || record.event_name)} wanted={search} />
          </span>
          <InlineAttributes record={record} />
        </span>
      </button>
      {isOpen && (
        <div class="log-detail">
          <div class="log-actions">
            <time>{formatExact(time, zone)}</time>
            <button type="button" class="button" onClick={() => onService(record.service)}>
              <Icon name="filter" size={13} /> {record.service}
            </button>
            {record.trace_id && (
              <a
                class="button"
                href={pageLink(`/traces/${record.trace_id}`, record.span_id ? { span: record.span_id } : {})}
              >
                <Icon name="traces" size={14} /> Trace
              </a>
            )}
            {record.trace_id && (
              <a class="button" href={pageLink("/logs", { trace_id: record.trace_id })}>
                <Icon name="logs" size={14} /> Logs of this trace
              </a>
            )}
            <CopyButton text={JSON.stringify(record, null, 2)} label="Copy as JSON" />
          </div>
          <pre class="log-full">{laidOut(record.body) ?? record.body}</pre>
          <div class="log-fields">
            <AttributeTable title="Attributes" scope="log" attributes={record.attributes} onFilter={onFilter} />
            <AttributeTable title="Resource" scope="resource" attributes={record.resource} onFilter={onFilter} />
          </div>
        </div>
      )}
    </div>
  );
}

function InlineAttributes({ record }: { record: LogRecord }) {
  // Ids tell nothing to the eye: they come last.
  const entries = Object.entries(record.attributes);
  const shown = [...entries.filter(([key]) => !isId(key)), ...entries.filter(([key]) => isId(key))].slice(
    0,
    INLINE_ATTRIBUTES,
  );
  if (shown.length === 0) return null;
  return (
    <span class="log-inline" aria-hidden="true">
      {shown.map(([key, value]) => (
        <span key={key}>
          {key}=<b>{typeof value === "object" ? JSON.stringify(value) : String(value)}</b>
        </span>
      ))}
    </span>
  );
}

function isId(key: string): boolean {
  return /[._-]?id$/i.test(key);
}
