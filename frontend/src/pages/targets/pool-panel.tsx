/** The targets of one scrape pool, and those that relabelling dropped. */
import { useState } from "preact/hooks";
import type { ActiveTarget, LabelSet } from "../../api/prometheus";
import { pageLink } from "../../router/query";
import { formatSeconds } from "../../time/duration";
import { formatAgo, formatClock, formatDate } from "../../time/format";
import { useZone } from "../../time/zone";
import { Icon } from "../../ui/icon";
import { formatCount, plural } from "../../ui/number";
import { lastScrapeSeconds, type Pool, upQuery } from "./target-list";

interface Props {
  pool: Pool;
  nowSeconds: number;
  stale: boolean;
}

/** Rows of a pool at first; thousands of targets are found by the filter. */
const SHOWN = 100;

export function PoolPanel({ pool, nowSeconds, stale }: Props) {
  const { name, counts, targets, dropped, droppedCount } = pool;
  const [all, setAll] = useState(false);
  const total = counts.up + counts.down + counts.unknown;
  const shown = all ? targets : targets.slice(0, SHOWN);
  return (
    <section class={stale ? "panel is-stale" : "panel"} aria-label={`Scrape pool ${name}`}>
      <header class="panel-head">
        <h2>{name}</h2>
        <span class={counts.down > 0 ? "tag tag-error" : "tag"}>
          {formatCount(counts.up)} of {formatCount(total)} up
        </span>
        {targets.length < total && <span class="muted">{formatCount(targets.length)} match</span>}
      </header>
      {shown.length > 0 && (
        <div class="table-scroll">
          <table class="table target-table">
            <thead>
              <tr>
                <th scope="col">Health</th>
                <th scope="col">Address and labels</th>
                <th scope="col" class="cell-number">
                  Last scrape
                </th>
                <th scope="col" class="cell-number">
                  Took
                </th>
                <th scope="col">
                  <span class="visually-hidden">More</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((target) => (
                <TargetRow key={target.scrapeUrl + target.globalUrl} target={target} nowSeconds={nowSeconds} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {shown.length < targets.length && (
        <p class="padded">
          <button type="button" class="button" onClick={() => setAll(true)}>
            Show all {formatCount(targets.length)}
          </button>
        </p>
      )}
      {total === 0 && <p class="padded muted">Discovery has found no target for this pool yet.</p>}
      {droppedCount > 0 && (
        <details class="dropped">
          <summary>
            {plural(droppedCount, "target")} dropped by relabelling
            {dropped.length < droppedCount && `, ${formatCount(dropped.length)} of them here`}
          </summary>
          <ul>
            {dropped.map(({ discoveredLabels }, index) => (
              <li key={index}>
                <Labels labels={discoveredLabels} />
              </li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function TargetRow({ target, nowSeconds }: { target: ActiveTarget; nowSeconds: number }) {
  const { health, scrapeUrl, labels, discoveredLabels, lastError, lastScrapeDuration } = target;
  const [open, setOpen] = useState(false);
  const zone = useZone();
  const last = lastScrapeSeconds(target);
  return (
    <>
      <tr class={health === "down" ? "is-down" : ""}>
        <td>
          <span class={`health health-${health}`}>{health}</span>
        </td>
        <td>
          <code class="target-address">{scrapeUrl}</code>
          <Labels labels={labels} />
          {lastError && <p class="error-text target-error">{lastError}</p>}
        </td>
        <td
          class="cell-number"
          title={
            last === null ? "" : `${formatDate(last, zone)} ${formatClock(last, zone)}, every ${target.scrapeInterval}`
          }
        >
          {last === null ? "not yet" : formatAgo(last, nowSeconds)}
        </td>
        <td class="cell-number">{last === null ? "" : formatSeconds(lastScrapeDuration)}</td>
        <td class="row-links">
          <a
            class="icon-button"
            href={pageLink("/metrics-explorer", { expr: upQuery(target) })}
            title="Its health over time"
            aria-label={`Health over time of ${scrapeUrl}`}
          >
            <Icon name="metrics" size={15} />
          </a>
          <button
            type="button"
            class="icon-button"
            aria-expanded={open}
            title="As it was discovered"
            aria-label={`Details of ${scrapeUrl}`}
            onClick={() => setOpen(!open)}
          >
            <Icon name={open ? "collapse" : "expand"} size={15} />
          </button>
        </td>
      </tr>
      {open && (
        <tr class="target-details">
          <td colSpan={5}>
            <p class="muted">
              As it was discovered; every {target.scrapeInterval || "?"}, given up after {target.scrapeTimeout || "?"}
            </p>
            <Labels labels={discoveredLabels} />
          </td>
        </tr>
      )}
    </>
  );
}

function Labels({ labels }: { labels: LabelSet }) {
  return (
    <span class="label-chips">
      {Object.entries(labels).map(([name, value]) => (
        <code key={name} class="tag">
          {name}=<b>{value}</b>
        </code>
      ))}
    </span>
  );
}
