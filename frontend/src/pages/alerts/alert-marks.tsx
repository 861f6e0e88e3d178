/** What is known of an alert beside its labels: its state, who keeps it quiet, who has taken it, who is told. */
import { pageLink } from "../../router/query";
import { formatDuration } from "../../time/duration";
import { formatAgo } from "../../time/format";
import { Icon } from "../../ui/icon";
import { plural } from "../../ui/number";
import type { Alert } from "./alert-list";

export function StateMark({ alert, nowSeconds }: { alert: Alert; nowSeconds: number }) {
  if (alert.state === "firing") {
    return (
      <span class="alert-state alert-state-firing">
        firing{alert.isKept && <span class="alert-state-note"> · condition over</span>}
      </span>
    );
  }
  const left = alert.rule ? alert.rule.duration - (nowSeconds - alert.since) : 0;
  return (
    <span class="alert-state alert-state-pending">
      pending{left > 0 && <span class="alert-state-note"> · fires in {formatDuration(Math.ceil(left) * 1e9)}</span>}
    </span>
  );
}

export function AlertMarks({ alert, nowSeconds }: { alert: Alert; nowSeconds: number }) {
  const { silencedBy, inhibitedBy, mutedBy, acknowledged } = alert;
  const [silence] = silencedBy;
  const [source] = inhibitedBy;
  return (
    <>
      {silence && (
        <a class="alert-mark" href={pageLink("/alerts/silences", { chosen: silence })}>
          <Icon name="bellOff" size={13} /> silenced{silencedBy.length > 1 && ` by ${silencedBy.length}`}
        </a>
      )}
      {source && (
        <a class="alert-mark" href={pageLink(`/alerts/${source}`)} title="Another alert says it already">
          <Icon name="bellOff" size={13} /> inhibited{inhibitedBy.length > 1 && ` by ${inhibitedBy.length}`}
        </a>
      )}
      {mutedBy.length > 0 && (
        <span class="alert-mark" title={`Time interval ${mutedBy.join(", ")}`}>
          <Icon name="clock" size={13} /> muted
        </span>
      )}
      {acknowledged && (
        <span class="alert-mark alert-mark-good" title={acknowledged.comment}>
          <Icon name="check" size={13} /> acknowledged by {acknowledged.by},{" "}
          {formatAgo(Date.parse(acknowledged.at) / 1000, nowSeconds)}
        </span>
      )}
    </>
  );
}

export function Receivers({ names }: { names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <span class="alert-receivers" title={`${plural(names.length, "receiver")}: ${names.join(", ")}`}>
      → {names.join(", ")}
    </span>
  );
}
