/** Services by their rate, errors and latency; a row leads to the service's traces. */
import { useMemo } from "preact/hooks";
import type { ServiceSummary } from "../../api/types";
import { Sparkline } from "../../charts/sparkline";
import { navigate } from "../../router/location";
import { pageLink, setQuery, useQuery } from "../../router/query";
import { formatSeconds } from "../../time/duration";
import { formatAgo } from "../../time/format";
import { nanoToSeconds } from "../../time/nano";
import { colourOf } from "../../ui/colour";
import { Icon } from "../../ui/icon";
import { formatRate, formatShare } from "../../ui/number";
import { ServiceName } from "../../ui/service";
import { useTheme } from "../../ui/theme";

const COLUMNS = [
  { id: "service", label: "Service", value: (row: ServiceSummary) => row.service },
  { id: "rate", label: "Requests", value: (row: ServiceSummary) => row.request_rate },
  { id: "errors", label: "Errors", value: (row: ServiceSummary) => row.error_rate },
  { id: "p50", label: "p50", value: (row: ServiceSummary) => row.p50_seconds ?? -1 },
  { id: "p95", label: "p95", value: (row: ServiceSummary) => row.p95_seconds ?? -1 },
  { id: "seen", label: "Last seen", value: (row: ServiceSummary) => nanoToSeconds(row.last_seen_unix_nano) },
] as const;

export function ServiceTable({ services, nowSeconds }: { services: readonly ServiceSummary[]; nowSeconds: number }) {
  useTheme();
  const sort = useQuery().get("sort") ?? "-rate";
  const sorted = useMemo(() => sortRows(services, sort), [services, sort]);
  return (
    <div class="table-scroll">
      <table class="table service-table">
        <thead>
          <tr>
            {COLUMNS.map(({ id, label }) => {
              const direction = sort === id ? "ascending" : sort === `-${id}` ? "descending" : "none";
              return (
                <th key={id} scope="col" aria-sort={direction} class={id === "service" ? "" : "cell-number"}>
                  <button
                    type="button"
                    class="sort-button"
                    onClick={() => setQuery({ sort: nextSort(id, sort) }, { replace: true })}
                  >
                    {label}
                    {direction !== "none" && <span aria-hidden="true">{direction === "ascending" ? " ↑" : " ↓"}</span>}
                  </button>
                </th>
              );
            })}
            <th scope="col" class="spark-head">
              Rate over time
            </th>
            <th scope="col">
              <span class="visually-hidden">More</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={row.service} class="clickable" onClick={(event) => openRow(event, row.service)}>
              <td>
                <a href={pageLink("/traces", { service: row.service })}>
                  <ServiceName name={row.service} />
                </a>
              </td>
              <td class="cell-number">{formatRate(row.request_rate)}</td>
              <td class="cell-number">
                <span class={errorTone(row.error_rate)}>{formatShare(row.error_rate)}</span>
              </td>
              <td class="cell-number">{formatSeconds(row.p50_seconds)}</td>
              <td class="cell-number">{formatSeconds(row.p95_seconds)}</td>
              <td class="cell-number muted">{lastSeen(nanoToSeconds(row.last_seen_unix_nano), nowSeconds)}</td>
              <td class="spark-cell">
                <Sparkline values={row.rate} errors={row.error_series} colour={colourOf(row.service)} />
              </td>
              <td class="row-links">
                <a
                  class="icon-button"
                  href={pageLink("/logs", { service: row.service })}
                  title="Logs"
                  aria-label={`Logs of ${row.service}`}
                >
                  <Icon name="logs" size={15} />
                </a>
                {row.errors > 0 && (
                  <a
                    class="icon-button error-text"
                    href={pageLink("/traces", { service: row.service, status: "error" })}
                    title="Traces with errors"
                    aria-label={`Traces with errors of ${row.service}`}
                  >
                    <Icon name="alert" size={15} />
                  </a>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The whole row leads where its link leads; the link is what keyboard and screen reader use. */
function openRow(event: MouseEvent, service: string): void {
  if ((event.target as Element).closest("a, button") || window.getSelection()?.toString()) return;
  navigate(pageLink("/traces", { service }));
}

function errorTone(share: number): string {
  if (share >= 0.05) return "tag tag-error";
  return share >= 0.01 ? "tag tag-warn" : share > 0 ? "" : "muted";
}

function nextSort(id: string, current: string): string | null {
  const next = current === `-${id}` ? id : `-${id}`;
  return next === "-rate" ? null : next;
}

export function sortRows(rows: readonly ServiceSummary[], sort: string): ServiceSummary[] {
  const descending = sort.startsWith("-");
  const column = COLUMNS.find(({ id }) => id === sort.replace(/^-/, "")) ?? COLUMNS[1];
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [column.value(a), column.value(b)];
    return left < right ? -sign : left > right ? sign : a.service < b.service ? -1 : 1;
  });
}

/** The minute in which spans were last seen: the current one is "now", seconds would claim more than is known. */
function lastSeen(minuteSeconds: number, nowSeconds: number): string {
  return nowSeconds - minuteSeconds < 60 ? "now" : formatAgo(minuteSeconds, nowSeconds);
}
