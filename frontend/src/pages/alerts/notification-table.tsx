/** Notifications as rows: when, to whom, by which way, of what, and how it went. */
import type { Notification } from "../../api/alerting";
import { formatDuration } from "../../time/duration";
import { formatClock, formatDate } from "../../time/format";
import { nanoToSeconds } from "../../time/nano";
import { useZone } from "../../time/zone";
import { plural } from "../../ui/number";
import { FoldedText } from "../../ui/value";
import { LabelChips } from "./labels";
import { alertLink } from "./links";

interface Props {
  notifications: readonly Notification[];
  /** Of one alert that everybody knows: without the alerts. */
  brief?: boolean;
}

/** Alerts of a notification that are named; the others are counted. */
const NAMED = 3;

export function NotificationTable({ notifications, brief = false }: Props) {
  const zone = useZone();
  return (
    <div class="table-scroll">
      <table class={brief ? "table told-table told-brief" : "table told-table"}>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Receiver</th>
            <th scope="col">What</th>
            {!brief && <th scope="col">Alerts</th>}
            <th scope="col">How it went</th>
          </tr>
        </thead>
        <tbody>
          {notifications.map((told) => {
            const seconds = Math.floor(nanoToSeconds(told.time_unix_nano));
            return (
              <tr key={told.id}>
                <td class="cell-time">
                  {formatDate(seconds, zone)} {formatClock(seconds, zone)}
                </td>
                <td>
                  {told.receiver} <span class="muted">{kindOf(told.integration)}</span>
                </td>
                <td>
                  <span class={`told-status told-${told.status}`}>{told.status}</span>
                </td>
                {!brief && (
                  <td class="told-alerts">
                    <AlertNames told={told} />
                  </td>
                )}
                <td class="told-outcome">
                  <Outcome told={told} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function AlertNames({ told }: { told: Notification }) {
  const names = new Set(told.alerts.map(({ alertname = "" }) => alertname));
  return (
    <>
      <LabelChips labels={told.group_labels} />
      <ul>
        {told.alerts.slice(0, NAMED).map((labels) => {
          const link = alertLink(labels);
          return (
            <li key={link}>
              <a href={link}>{nameOf(labels, names.size > 1, told.group_labels)}</a>
            </li>
          );
        })}
      </ul>
      {told.alert_count > NAMED && (
        <span class="muted">
          and {plural(told.alert_count - Math.min(NAMED, told.alerts.length), "more", "more")}
          {told.status === "firing" && `, ${told.firing_count} of ${told.alert_count} firing`}
        </span>
      )}
    </>
  );
}

/** What sets it apart from the others of its group; its name if nothing does. */
function nameOf(labels: Record<string, string>, withName: boolean, group: Record<string, string>): string {
  const apart = Object.entries(labels)
    .filter(([name]) => !["alertname", "severity"].includes(name) && !(name in group))
    .map(([, value]) => value);
  const { alertname = "" } = labels;
  if (apart.length === 0) return alertname || "(no labels)";
  return withName || !("alertname" in group) ? `${alertname} ${apart.join(" ")}` : apart.join(" ");
}

/** receiver/kind/index, where the receiver's name may have slashes of its own. */
export function kindOf(integration: string): string {
  return integration.split("/").at(-2) ?? integration;
}

function Outcome({ told }: { told: Notification }) {
  const attempt = told.attempt > 1 ? `attempt ${told.attempt}` : "";
  const took = `in ${formatDuration(told.duration_nano)}`;
  if (told.error === "") {
    return (
      <span class="muted">
        <span class="good-text">arrived</span> {[took, attempt].filter(Boolean).join(", ")}
      </span>
    );
  }
  return (
    <>
      <span class="error-text">failed</span>{" "}
      <span class="muted">
        {[took, attempt, told.is_retried ? "tried again" : "given up"].filter(Boolean).join(", ")}
      </span>
      <div class="told-error">
        <FoldedText text={told.error} fold={160} />
      </div>
    </>
  );
}
