/** The values of all queries at the end of the time range. */
import { useMemo } from "preact/hooks";
import type { InstantResult, PrometheusAnswer } from "../../api/prometheus";
import type { Resource } from "../../api/resource";
import { setQuery } from "../../router/query";
import { useTime } from "../../time/clock";
import { formatClock, formatDate } from "../../time/format";
import { useZone } from "../../time/zone";
import { formatCount } from "../../ui/number";
import { Skeleton } from "../../ui/skeleton";
import { CommonLabels, NoData } from "./metric-graph";
import { TABLE_ROWS } from "./metrics-query";
import { nextSort, sortTable, toTable } from "./table-rows";

interface Props {
  answers: readonly Resource<PrometheusAnswer<InstantResult>>[];
  sort: string;
}

export function MetricTable({ answers, sort }: Props) {
  const { window } = useTime();
  const zone = useZone();
  const stale = answers.some(({ loading }) => loading);
  const results = answers.map(({ data }) => data);
  const table = useMemo(() => toTable(results.map((result) => result?.data ?? null)), results);
  const rows = useMemo(() => sortTable(table.rows, sort), [table, sort]);
  if (answers.every(({ error, data, loading }) => error !== null || (data === null && !loading))) return null;
  if (rows.length === 0 && stale) return <Skeleton rows={10} />;
  if (rows.length === 0) return <NoData />;
  const moment = (seconds: number) => `${formatDate(seconds, zone)} ${formatClock(seconds, zone)}`;
  const many = answers.length > 1;
  return (
    <section class={stale ? "panel is-stale" : "panel"} aria-label="Values">
      <header class="panel-head">
        <h2>At {moment(window.endSeconds)}</h2>
        <span class="muted">the end of the time range</span>
      </header>
      {Object.keys(table.common).length > 0 && <CommonLabels letter="" labels={table.common} />}
      <div class="table-scroll">
        <table class="table metric-table">
          <thead>
            <tr>
              {many && <th scope="col">Query</th>}
              {table.labels.map((label) => (
                <SortHead key={label} id={label} label={label === "__name__" ? "Metric" : label} sort={sort} />
              ))}
              {table.hasTimes && <th scope="col">Time</th>}
              <SortHead id="value" label="Value" sort={sort} number />
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, TABLE_ROWS).map(({ letter, metric, value, time }, index) => (
              <tr key={index}>
                {many && <td>{letter}</td>}
                {table.labels.map((label) => (
                  <td key={label}>
                    <code>{metric[label] ?? ""}</code>
                  </td>
                ))}
                {table.hasTimes && <td class="cell-time">{time === null ? "" : moment(time)}</td>}
                <td class="cell-number">
                  <code>{value}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > TABLE_ROWS && (
        <p class="padded muted">
          The first {formatCount(TABLE_ROWS)} of {formatCount(rows.length)} rows are shown.
        </p>
      )}
    </section>
  );
}

interface HeadProps {
  id: string;
  label: string;
  sort: string;
  number?: boolean;
}

function SortHead({ id, label, sort, number = false }: HeadProps) {
  const direction = sort === id ? "ascending" : sort === `-${id}` ? "descending" : "none";
  return (
    <th scope="col" aria-sort={direction} class={number ? "cell-number" : ""}>
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
}
