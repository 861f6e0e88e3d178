/** The newest errors, from spans and logs alike; each leads to where it happened. */
import type { RecentError } from "../../api/types";
import { pageLink } from "../../router/query";
import { formatAgo, formatExact } from "../../time/format";
import { nanoToSeconds } from "../../time/nano";
import { useZone } from "../../time/zone";
import { ServiceName } from "../../ui/service";

export function ErrorList({ errors, nowSeconds }: { errors: readonly RecentError[]; nowSeconds: number }) {
  const zone = useZone();
  if (errors.length === 0) return <p class="padded muted">No errors in this time range.</p>;
  return (
    <ul class="error-list">
      {errors.map((error) => (
        <li key={`${error.time_unix_nano} ${error.kind} ${error.span_id} ${error.name}`}>
          <a class="row error-row" href={errorLink(error)}>
            <span class="error-where">
              <ServiceName name={error.service} />
              <span class="muted">{error.kind === "span" ? error.name : "log"}</span>
              <time class="muted" title={formatExact(error.time_unix_nano, zone)}>
                {formatAgo(nanoToSeconds(error.time_unix_nano), nowSeconds)}
              </time>
            </span>
            <span class="error-message">{said(error) || <span class="muted">no message</span>}</span>
          </a>
        </li>
      ))}
    </ul>
  );
}

/** What the error says beyond the name that stands above it. */
function said({ kind, name, message }: RecentError): string {
  if (kind === "log") return message || name;
  return message === name ? "" : message;
}

function errorLink(error: RecentError): string {
  if (error.trace_id) {
    return pageLink(`/traces/${error.trace_id}`, error.span_id ? { span: error.span_id } : {});
  }
  return pageLink("/logs", { service: error.service, level: ["error", "fatal"] });
}
