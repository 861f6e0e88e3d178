/** What fired in the time range, newest first, with how long it did. */
import { useMemo, useState } from "preact/hooks";
import type { PrometheusAnswer, RangeResult } from "../../api/prometheus";
import { useResource } from "../../api/resource";
import { setQuery, useQuery } from "../../router/query";
import { useTime } from "../../time/clock";
import { formatSeconds } from "../../time/duration";
import { Empty } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { FilterBar } from "../../ui/filter-bar";
import { formatCount, plural } from "../../ui/number";
import { Skeleton } from "../../ui/skeleton";
import { AlertsHead } from "./alerts-head";
import { Choice } from "./alerts-page";
import { FiringTable } from "./firing-table";
import { firingStep, firingsAddress, MOST_FIRINGS, toFirings } from "./firings";
import { type Matcher, readMatchers } from "./matcher";
import { MatcherFilter, MatcherFilterChips } from "./matcher-filter";
import { bySeverity } from "./severity";

const SHOWN = 200;
const FIRING: Matcher = { name: "alertstate", operator: "=", value: "firing" };

export function HistoryPage() {
  const query = useQuery();
  const { window, version } = useTime();
  const [more, setMore] = useState(1);
  const written = query.getAll("matcher");
  const severity = query.get("severity") ?? "";
  const matchers: Matcher[] = [FIRING, ...readMatchers(written)];
  if (severity) matchers.push({ name: "severity", operator: "=", value: severity });
  const { data, error, loading } = useResource<PrometheusAnswer<RangeResult>>(
    firingsAddress(matchers, window),
    version,
  );
  const series = data?.data.result;
  const firings = useMemo(() => toFirings(series ?? [], window), [series, window]);
  const labels = useMemo(() => firings.map((firing) => firing.labels), [firings]);
  const severities = useMemo(
    () => [...new Set(labels.map((each) => each.severity ?? ""))].filter(Boolean).sort(bySeverity),
    [labels],
  );
  const isFiltered = written.length > 0 || severity !== "";
  return (
    <>
      <AlertsHead title="Alert history" />
      <FilterBar
        label="Filter past alerts"
        first={<MatcherFilter matchers={written} labels={labels} />}
        chips={<MatcherFilterChips matchers={written} />}
        onClear={isFiltered ? () => setQuery({ matcher: null, severity: null }) : undefined}
      >
        <Choice
          label="Severity"
          all="All severities"
          options={severities}
          chosen={severity}
          onChoose={(next) => setQuery({ severity: next })}
        />
      </FilterBar>
      {error && <ErrorNotice error={error} />}
      {!data && !error && <Skeleton rows={10} height={36} />}
      {data && firings.length === 0 && (
        <Empty title="Nothing fired in this time range">
          <button type="button" class="button" onClick={() => setQuery({ start: "now-7d", end: "now" })}>
            Look at the last 7 days
          </button>
        </Empty>
      )}
      {firings.length > 0 && (
        <section class={loading ? "panel is-stale" : "panel"} aria-label="Past alerts">
          <FiringTable firings={firings.slice(0, SHOWN * more)} window={window} withLabels />
          <p class="list-foot">
            <span>
              {plural(firings.length, "firing")}, known to {formatSeconds(firingStep(window))}
            </span>
            {series && series.length >= MOST_FIRINGS && (
              <span class="warn-text">Of {formatCount(MOST_FIRINGS)} alerts only: add a matcher to see others.</span>
            )}
            {firings.length > SHOWN * more && (
              <button type="button" class="button" onClick={() => setMore(more + 1)}>
                Show more
              </button>
            )}
          </p>
        </section>
      )}
    </>
  );
}
