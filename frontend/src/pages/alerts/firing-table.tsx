/** Past firings as rows: when, how long, and where that lies in the range. */
import { formatSeconds } from "../../time/duration";
import { formatClock, formatDate } from "../../time/format";
import type { TimeWindow } from "../../time/range";
import { useZone } from "../../time/zone";
import { type Firing, firedFor, firingStep } from "./firings";
import { LabelChips } from "./labels";
import { alertLink } from "./links";
import { toneOf } from "./severity";
import { SeverityMark } from "./severity-mark";

interface Props {
  firings: readonly Firing[];
  window: TimeWindow;
  /** Whether the rows are of several alerts. */
  withLabels: boolean;
}

export function FiringTable({ firings, window, withLabels }: Props) {
  const zone = useZone();
  const step = firingStep(window);
  if (firings.length === 0) return <p class="padded muted">Not in this time range.</p>;
  return (
    <div class="table-scroll">
      <table class="table firing-table">
        <thead>
          <tr>
            {withLabels && <th scope="col">Alert</th>}
            {!withLabels && <th scope="col">State</th>}
            <th scope="col">From</th>
            <th scope="col" class="cell-number">
              For
            </th>
            <th scope="col" class="firing-place">
              In the range
            </th>
          </tr>
        </thead>
        <tbody>
          {firings.map((firing) => {
            const { alertname = "", severity = "", ...others } = firing.labels;
            return (
              <tr key={`${alertLink(firing.labels)} ${firing.state} ${firing.start}`}>
                {withLabels && (
                  <td class="firing-alert">
                    <SeverityMark severity={severity} /> <a href={linkOf(firing, window)}>{alertname}</a>{" "}
                    <LabelChips labels={others} />
                  </td>
                )}
                {!withLabels && (
                  <td>
                    <span class={`alert-state alert-state-${firing.state}`}>{firing.state}</span>
                  </td>
                )}
                <td class="cell-time">
                  {firing.isCut ? "before " : ""}
                  {formatDate(firing.start, zone)} {formatClock(firing.start, zone)}
                </td>
                <td class="cell-number">{lengthOf(firing, step)}</td>
                <td class="firing-place">
                  <Place
                    firing={firing}
                    window={window}
                    tone={firing.state === "pending" ? "warning" : toneOf(severity)}
                  />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function lengthOf(firing: Firing, step: number): string {
  const seconds = firedFor(firing);
  const length = seconds === 0 ? `< ${formatSeconds(step)}` : `${firing.isCut ? "≥ " : ""}${formatSeconds(seconds)}`;
  return firing.isOpen ? `${length}, goes on` : length;
}

/** To the alert, at the time at which it fired. */
function linkOf({ labels, start, end, isOpen }: Firing, { startSeconds, endSeconds }: TimeWindow): string {
  const link = alertLink(labels);
  if (isOpen) return link;
  const room = Math.max(900, (end - start) / 2);
  const from = Math.floor(Math.max(start - room, startSeconds - 86_400));
  const to = Math.ceil(Math.min(end + room, endSeconds + 86_400));
  const url = new URL(link, window.location.href);
  url.searchParams.set("start", String(from));
  url.searchParams.set("end", String(to));
  return `${url.pathname}${url.search}`;
}

function Place({ firing, window, tone }: { firing: Firing; window: TimeWindow; tone: string }) {
  const length = window.endSeconds - window.startSeconds;
  const left = (100 * Math.max(0, firing.start - window.startSeconds)) / length;
  const width = (100 * firedFor(firing)) / length;
  return (
    <span class="place" aria-hidden="true">
      <span class={`place-bar tone-${tone}`} style={{ left: `${left}%`, width: `${width}%` }} />
    </span>
  );
}
