/** Promises and how they stand: what is left of each error budget, and what burns it. */
import type { ComponentChildren } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { useResource } from "../../api/resource";
import { SLOS, type Slo } from "../../api/rules";
import { pageLink, setQuery, useQuery } from "../../router/query";
import { useTime } from "../../time/clock";
import { Empty, Snippet } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { useKeys } from "../../ui/keyboard";
import { formatCount, plural } from "../../ui/number";
import { SearchBox } from "../../ui/search-box";
import { ServiceName } from "../../ui/service";
import { Skeleton } from "../../ui/skeleton";
import { Tile } from "../../ui/tile";
import { AlertsHead } from "../alerts/alerts-head";
import { Alarms } from "./alarms";
import { BudgetBar } from "./budget-bar";
import { burnText, goodText, inOrder, targetText, windowText } from "./figure";

const SLO_FILE = `# slos/shop.yml
slos:
  - name: availability
    service: shop
    objective: 99.9%
    window: 30d
    bad: sum(rate(http_requests_total{job="shop", code=~"5.."}[$window]))
    total: sum(rate(http_requests_total{job="shop"}[$window]))`;

const SONDE_CONFIG = `# sonde.yaml
rules:
  slos: [slos/*.yml]`;

export function SlosPage() {
  const query = useQuery();
  const { version } = useTime();
  const text = query.get("search") ?? "";
  const search = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => search.current?.focus() });
  const told = useResource<{ slos: Slo[] }>(SLOS, version);
  const slos = told.data?.slos;
  const shown = useMemo(() => inOrder(slos ?? []).filter((slo) => mentions(slo, text)), [slos, text]);
  if (told.error) {
    return (
      <Frame>
        <ErrorNotice error={told.error} />
      </Frame>
    );
  }
  if (!slos) {
    return (
      <Frame>
        <Skeleton rows={8} height={40} />
      </Frame>
    );
  }
  if (slos.length === 0) {
    return (
      <Frame>
        <NoSlos />
      </Frame>
    );
  }
  const broken = slos.filter(({ budget_left: left }) => left !== null && left <= 0).length;
  const unknown = slos.filter(({ budget_left: left }) => left === null).length;
  const burning = slos.filter(({ burn_rates: burns }) => burns.some(({ state }) => state === "firing")).length;
  return (
    <Frame>
      <div class="tiles">
        <Tile
          label="Objectives"
          value={formatCount(slos.length)}
          note={`of ${plural(new Set(slos.map(({ service }) => service)).size, "service")}`}
        />
        <Tile
          label="Burning"
          value={formatCount(burning)}
          tone={burning > 0 ? "bad" : "plain"}
          note="faster than they may"
        />
        <Tile
          label="Used up"
          value={formatCount(broken)}
          tone={broken > 0 ? "bad" : "plain"}
          note="the promise is broken"
        />
        <Tile label="No data" value={formatCount(unknown)} tone={unknown > 0 ? "warn" : "plain"} note="not measured" />
      </div>
      <div class="filter-bar" role="search" aria-label="Filter objectives">
        <SearchBox
          label="Search in services, names and descriptions (/)"
          placeholder="Search services and names"
          value={text}
          inputRef={search}
          onCommit={(value) => setQuery({ search: value }, { replace: true })}
        />
      </div>
      {shown.length > 0 && (
        <section class={told.loading ? "panel is-stale" : "panel"} aria-label="Objectives">
          <div class="table-scroll">
            <table class="table slo-table">
              <thead>
                <tr>
                  <th scope="col">Objective</th>
                  <th scope="col" class="cell-number">
                    Promised
                  </th>
                  <th scope="col" class="cell-number">
                    Kept
                  </th>
                  <th scope="col" class="cell-number" title="Of the last five minutes">
                    Now
                  </th>
                  <th scope="col">Error budget left</th>
                  <th
                    scope="col"
                    class="cell-number"
                    title="Over the last hour; at 1× the budget lasts exactly as long as the window"
                  >
                    Burns
                  </th>
                  <th scope="col">Alerts</th>
                </tr>
              </thead>
              <tbody>
                {shown.map((slo) => (
                  <Row key={`${slo.service}/${slo.name}`} slo={slo} />
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
      {shown.length === 0 && (
        <Empty title="No objective matches">
          <p>Clear the search to see all {formatCount(slos.length)}.</p>
        </Empty>
      )}
    </Frame>
  );
}

function Row({ slo }: { slo: Slo }) {
  const kept = slo.good !== null && slo.good < slo.objective;
  return (
    <tr>
      <td>
        <ServiceName name={slo.service} />
        <a class="slo-name" href={sloLink(slo)}>
          {slo.name}
        </a>
        {slo.description && <p class="muted slo-description">{slo.description}</p>}
      </td>
      <td class="cell-number" data-label="Promised">
        {targetText(slo.objective)}
        <span class="muted slo-window">{windowText(slo.window)}</span>
      </td>
      <td class="cell-number" data-label="Kept">
        <span class={slo.good === null ? "muted" : kept ? "tone-bad" : ""}>{goodText(slo.good)}</span>
      </td>
      <td class="cell-number" data-label="Now">
        <span class={slo.good_now === null ? "muted" : ""}>{goodText(slo.good_now)}</span>
      </td>
      <td class="slo-budget">
        <BudgetBar left={slo.budget_left} name={`${slo.service} ${slo.name}`} />
      </td>
      <td class="cell-number" data-label="Burns">
        <span class={slo.burn_now === null ? "muted" : slo.burn_now > 1 ? "tone-warn" : ""}>
          {burnText(slo.burn_now)}
        </span>
      </td>
      <td>
        <Alarms slo={slo} />
      </td>
    </tr>
  );
}

export function sloLink({ service, name }: Pick<Slo, "service" | "name">): string {
  return pageLink(`/slos/${encodeURIComponent(service)}/${encodeURIComponent(name)}`);
}

function mentions({ service, name, description }: Slo, text: string): boolean {
  const searched = `${service} ${name} ${description}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => searched.includes(word));
}

function Frame({ children }: { children: ComponentChildren }) {
  return (
    <>
      <AlertsHead title="Service level objectives" timeless />
      {children}
    </>
  );
}

function NoSlos() {
  return (
    <Empty title="Nothing is promised yet">
      <p>
        An objective says which share of events is to be good. Sonde makes the rules of it: its error budget, and alerts
        when that burns too fast. OpenSLO files are read, too.
      </p>
      <div class="send-data">
        <Snippet label="An objective" text={SLO_FILE} />
        <Snippet label="Where Sonde finds it" text={SONDE_CONFIG} />
      </div>
    </Empty>
  );
}
