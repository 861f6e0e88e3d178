/** Who was told of an alert, when, and whether it arrived. */
import type { NotificationPage } from "../../api/alerting";
import { address } from "../../api/client";
import type { LabelSet } from "../../api/prometheus";
import { useResource } from "../../api/resource";
import { pageLink } from "../../router/query";
import { ErrorNotice } from "../../ui/error-notice";
import { Panel } from "../../ui/panel";
import { Skeleton } from "../../ui/skeleton";
import { matchersOf, printMatcher } from "./matcher";
import { NotificationTable } from "./notification-table";

const SHOWN = 10;

export function ToldPanel({ labels, version }: { labels: LabelSet; version: string }) {
  const matcher = matchersOf(labels).map(printMatcher);
  const { data, error } = useResource<NotificationPage>(address("/notifications", { matcher, limit: SHOWN }), version);
  const all = pageLink("/alerts/notifications", { matcher, start: "now-30d", end: "now" });
  return (
    <Panel title="Who was told" aside={<a href={all}>All</a>}>
      {error && <ErrorNotice error={error} />}
      {!data && !error && <Skeleton rows={3} />}
      {data?.notifications.length === 0 && <p class="padded muted">Nobody yet.</p>}
      {data && data.notifications.length > 0 && <NotificationTable notifications={data.notifications} brief />}
    </Panel>
  );
}
