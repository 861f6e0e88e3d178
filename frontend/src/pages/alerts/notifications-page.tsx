/** Who was told of what: each attempt, newest first. */
import { useMemo } from "preact/hooks";
import { alertmanagerAddress, type Notification, type NotificationPage } from "../../api/alerting";
import { address } from "../../api/client";
import { usePages } from "../../api/pages";
import { useResource } from "../../api/resource";
import { setQuery, useQuery } from "../../router/query";
import { useTime } from "../../time/clock";
import { QueryCost } from "../../ui/cost";
import { Empty } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { FilterBar } from "../../ui/filter-bar";
import { plural } from "../../ui/number";
import { Segmented } from "../../ui/segmented";
import { Skeleton } from "../../ui/skeleton";
import { AlertsHead } from "./alerts-head";
import { Choice } from "./alerts-page";
import { MatcherFilter, MatcherFilterChips } from "./matcher-filter";
import { NotificationTable } from "./notification-table";

const PAGE = 100;
const itemsOf = (page: NotificationPage) => page.notifications;

export function NotificationsPage() {
  const query = useQuery();
  const { window, version } = useTime();
  const receiver = query.get("receiver") ?? "";
  const status = query.get("status") ?? "";
  const outcome = query.get("outcome") ?? "";
  const matcher = query.getAll("matcher");
  const told = usePages<Notification, NotificationPage>(
    address("/notifications", {
      receiver,
      status,
      outcome,
      matcher,
      since: window.startSeconds,
      until: window.endSeconds,
      limit: PAGE,
    }),
    version,
    itemsOf,
  );
  const known = useResource<{ name: string }[]>(alertmanagerAddress("/receivers"));
  const { items } = told;
  const receivers = useMemo(
    () => [...new Set([...(known.data ?? []).map(({ name }) => name), ...items.map((each) => each.receiver)])].sort(),
    [known.data, items],
  );
  const labels = useMemo(() => items.flatMap(({ alerts }) => alerts), [items]);
  const isFiltered = receiver !== "" || status !== "" || outcome !== "" || matcher.length > 0;
  const clear = () => setQuery({ receiver: null, status: null, outcome: null, matcher: null });
  return (
    <>
      <AlertsHead title="Notifications" />
      <FilterBar
        label="Filter notifications"
        first={
          <Segmented
            label="How it went"
            options={[
              { value: "", label: "All" },
              { value: "arrived", label: "Arrived" },
              { value: "failed", label: "Failed" },
            ]}
            chosen={outcome}
            onChoose={(next) => setQuery({ outcome: next })}
          />
        }
        chips={<MatcherFilterChips matchers={matcher} />}
        onClear={isFiltered ? clear : undefined}
      >
        <Choice
          label="Receiver"
          all="All receivers"
          options={receivers}
          chosen={receiver}
          onChoose={(next) => setQuery({ receiver: next })}
        />
        <Choice
          label="What was told"
          all="Firing and resolved"
          options={["firing", "resolved"]}
          chosen={status}
          onChoose={(next) => setQuery({ status: next })}
        />
        <MatcherFilter matchers={matcher} labels={labels} />
      </FilterBar>
      {told.error && <ErrorNotice error={told.error} />}
      {told.loading && items.length === 0 && <Skeleton rows={10} height={44} />}
      {!told.loading && !told.error && items.length === 0 && !told.hasMore && (
        <Empty
          title={isFiltered ? "No notification fits these filters" : "Nobody was told anything in this time range"}
        >
          <button type="button" class="button" onClick={() => setQuery({ start: "now-30d", end: "now" })}>
            Look at the last 30 days
          </button>
        </Empty>
      )}
      {(items.length > 0 || told.hasMore) && (
        <section class={told.loading ? "panel is-stale" : "panel"} aria-label="Notifications">
          <NotificationTable notifications={items} />
          <p class="list-foot">
            <span>{plural(items.length, "notification")}</span>
            {told.hasMore && (
              <button type="button" class="button" disabled={told.loadingMore} onClick={told.loadMore}>
                {told.loadingMore ? "Loading…" : "Load older ones"}
              </button>
            )}
            {told.stats && <QueryCost stats={told.stats} loading={told.loading} />}
          </p>
        </section>
      )}
    </>
  );
}
