/** How Sonde itself is: what it accepted and refused, how far behind it is, what it stores. */
import type { Status } from "../../api/types";
import { formatSeconds } from "../../time/duration";
import { formatBytes, formatCount } from "../../ui/number";
import { Panel } from "../../ui/panel";

export function HealthPanel({ status }: { status: Status }) {
  const signals = Object.entries(status.ingest);
  const free = status.disk.free_bytes;
  const stored = status.tables.reduce((sum, { bytes_on_disk: size }) => sum + size, 0);
  return (
    <Panel
      title="Sonde itself"
      aside={
        <span class="muted">
          {status.version} · up {formatSeconds(status.uptime_seconds)}
        </span>
      }
    >
      <div class="table-scroll">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Signal</th>
              <th scope="col" class="cell-number">
                Accepted
              </th>
              <th scope="col" class="cell-number">
                Refused
              </th>
              <th scope="col" class="cell-number">
                Waiting
              </th>
              <th scope="col" class="cell-number">
                Behind
              </th>
            </tr>
          </thead>
          <tbody>
            {signals.map(([signal, counts]) => (
              <tr key={signal}>
                <td>{signal}</td>
                <td class="cell-number">{formatCount(counts.accepted_bodies)}</td>
                <td class="cell-number">
                  <span class={counts.refused_bodies > 0 ? "tag tag-warn" : "muted"}>
                    {formatCount(counts.refused_bodies)}
                  </span>
                </td>
                <td class="cell-number">{formatBytes(counts.pending_bytes)}</td>
                <td class="cell-number">{formatSeconds(counts.lag_seconds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="padded muted">
        {formatBytes(stored)} stored, {formatBytes(free)} free on disk
      </p>
    </Panel>
  );
}

/** What the server wants people to know, before anything else on the page. */
export function StatusMessages({ messages }: { messages: Status["messages"] }) {
  return (
    <>
      {messages.map(({ severity, text }) => (
        <div key={text} class={`notice notice-${severity}`} role={severity === "error" ? "alert" : "status"}>
          <div class="notice-text">{text}</div>
        </div>
      ))}
    </>
  );
}
