/** One trace in the list: a link to it. */
import type { TraceSummary } from "../../api/types";
import { pageLink } from "../../router/query";
import { formatDuration } from "../../time/duration";
import { formatDayTime, formatExact, formatTimeOfDay } from "../../time/format";
import type { Zone } from "../../time/zone";
import { colourOf } from "../../ui/colour";
import { Icon } from "../../ui/icon";
import { formatCount } from "../../ui/number";
import { ServiceName } from "../../ui/service";

interface Props {
  trace: TraceSummary;
  zone: Zone;
  /** The list spans more than a day: times need their date. */
  withDay: boolean;
  /** From this duration on a bar is full. */
  fullBarNano: number;
}

const SHOWN_SERVICES = 4;

export function TraceRow({ trace, zone, withDay, fullBarNano }: Props) {
  const { root_service: service, start_unix_nano: start, error_count: errors } = trace;
  const others = trace.services.filter((entry) => entry.service !== service);
  const share = fullBarNano > 0 ? Math.min(100, (trace.duration_nano / fullBarNano) * 100) : 0;
  return (
    <a class="row trace-row" href={pageLink(`/traces/${trace.trace_id}`)}>
      <time class="cell-time" title={formatExact(start, zone)}>
        {withDay ? formatDayTime(start, zone) : formatTimeOfDay(start, zone)}
      </time>
      <span class="cell-name">
        <ServiceName name={service} />
        <span class="operation">{trace.root_name}</span>
        {trace.root_missing && (
          <span class="tag" title="The root span has not arrived; this is the earliest span that has">
            no root
          </span>
        )}
      </span>
      <span class="cell-services">
        {others.slice(0, SHOWN_SERVICES).map((entry) => (
          <ServiceName key={entry.service} name={entry.service} count={entry.spans} errors={entry.errors} />
        ))}
        {others.length > SHOWN_SERVICES && <span class="muted">+{others.length - SHOWN_SERVICES}</span>}
      </span>
      <span class="cell-errors">
        {errors > 0 && (
          <span class="error-count" title={`${errors} spans with errors`}>
            <Icon name="alert" size={13} />
            {formatCount(errors)}
          </span>
        )}
      </span>
      <span class="cell-number cell-spans">{formatCount(trace.span_count)}</span>
      <span class="cell-duration">
        <span class="duration-bar" aria-hidden="true">
          <span style={{ width: `${Math.max(share, 0.6)}%`, background: colourOf(service) }} />
        </span>
        <span class="cell-number">{formatDuration(trace.duration_nano)}</span>
      </span>
    </a>
  );
}
