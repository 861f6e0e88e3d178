/** What is scraped: every target by its pool, with its health, its last scrape and its error. */
import type { ComponentChildren } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { type PrometheusAnswer, prometheusAddress, type TargetStatus } from "../../api/prometheus";
import { useResource } from "../../api/resource";
import { setQuery, useQuery } from "../../router/query";
import { useTime } from "../../time/clock";
import { Empty, Snippet } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { FilterBar } from "../../ui/filter-bar";
import { useKeys } from "../../ui/keyboard";
import { formatCount, plural } from "../../ui/number";
import { SearchBox } from "../../ui/search-box";
import { Segmented } from "../../ui/segmented";
import { Skeleton } from "../../ui/skeleton";
import { Tile } from "../../ui/tile";
import { MetricsHead } from "../metrics/metrics-head";
import { PoolPanel } from "./pool-panel";
import { countHealth, HEALTHS, isFiltered, readTargetFilters, toPools } from "./target-list";

const SCRAPE_CONFIG = `# prometheus.yml
scrape_configs:
  - job_name: node
    scrape_interval: 15s
    static_configs:
      - targets: ["127.0.0.1:9100"]`;

const SONDE_CONFIG = `# sonde.yaml
prometheus:
  config_file: prometheus.yml`;

export function TargetsPage() {
  const query = useQuery();
  const { version, nowSeconds } = useTime();
  const filters = useMemo(() => readTargetFilters(query), [query]);
  const search = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => search.current?.focus() });
  const told = useResource<PrometheusAnswer<TargetStatus>>(prometheusAddress("/targets", { state: "any" }), version);
  const named = useResource<PrometheusAnswer<{ scrapePools: string[] }>>(prometheusAddress("/scrape_pools"), version);
  const status = told.data?.data;
  const names = named.data?.data.scrapePools;
  const pools = useMemo(
    () =>
      toPools(
        names ?? [],
        status?.activeTargets ?? [],
        status?.droppedTargets ?? [],
        status?.droppedTargetCounts ?? {},
        filters,
      ),
    [names, status, filters],
  );
  const error = told.error ?? named.error;
  if (error) {
    return (
      <Frame>
        <ErrorNotice error={error} />
      </Frame>
    );
  }
  if (!status || !names) {
    return (
      <Frame>
        <Skeleton rows={10} height={36} />
      </Frame>
    );
  }
  if (names.length === 0 && status.activeTargets.length === 0) {
    return (
      <Frame>
        <NothingConfigured />
      </Frame>
    );
  }
  const counts = countHealth(status.activeTargets);
  const dropped = Object.values(status.droppedTargetCounts ?? {}).reduce((sum, count) => sum + count, 0);
  return (
    <Frame>
      <div class="tiles">
        <Tile
          label="Targets"
          value={formatCount(status.activeTargets.length)}
          note={`in ${plural(names.length, "pool")}`}
        />
        <Tile label="Up" value={formatCount(counts.up)} note="answered the last scrape" />
        <Tile
          label="Down"
          value={formatCount(counts.down)}
          tone={counts.down > 0 ? "bad" : "plain"}
          note={counts.unknown > 0 ? `${formatCount(counts.unknown)} not scraped yet` : "did not"}
        />
        <Tile label="Dropped" value={formatCount(dropped)} note="by relabelling" />
      </div>
      <FilterBar
        label="Filter targets"
        first={
          <SearchBox
            label="Search in addresses, labels and errors (/)"
            placeholder="Search addresses, labels, errors"
            value={filters.text}
            inputRef={search}
            onCommit={(value) => setQuery({ search: value }, { replace: true })}
          />
        }
        onClear={isFiltered(filters) ? () => setQuery({ search: null, health: null, pool: null }) : undefined}
      >
        <Segmented
          label="Health"
          options={[
            { value: "", label: "All" },
            ...HEALTHS.map((health) => ({ value: health, label: `${LABELS[health]} ${formatCount(counts[health])}` })),
          ]}
          chosen={filters.health}
          onChoose={(health) => setQuery({ health })}
        />
        <select
          class={filters.pool ? "select is-set" : "select"}
          aria-label="Scrape pool"
          value={filters.pool}
          onChange={(event) => setQuery({ pool: event.currentTarget.value })}
        >
          <option value="">All pools</option>
          {names.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </FilterBar>
      {pools.map((pool) => (
        <PoolPanel key={pool.name} pool={pool} nowSeconds={nowSeconds} stale={told.loading} />
      ))}
      {pools.length === 0 && (
        <Empty title="No target matches these filters">
          <p>Remove a filter to see all {formatCount(status.activeTargets.length)}.</p>
        </Empty>
      )}
    </Frame>
  );
}

const LABELS = { up: "Up", down: "Down", unknown: "Unknown" } as const;

function Frame({ children }: { children: ComponentChildren }) {
  return (
    <>
      <MetricsHead title="Scrape targets" timeless />
      {children}
    </>
  );
}

function NothingConfigured() {
  return (
    <Empty title="Nothing is scraped yet">
      <p>
        Sonde reads the <code>scrape_configs</code> of Prometheus as they are. Write them into a file, or take the one
        that you have, and name it in Sonde's configuration.
      </p>
      <div class="send-data">
        <Snippet label="What to scrape" text={SCRAPE_CONFIG} />
        <Snippet label="Where Sonde finds it; or SONDE_PROMETHEUS_CONFIG_FILE=prometheus.yml" text={SONDE_CONFIG} />
      </div>
      <p>
        Without any exporter: <code>SONDE_COLLECTORS_ENABLED=host,process,containers</code> watches this machine.
      </p>
      <p>
        After a change of the file: <code>curl -X POST http://{window.location.host}/prometheus/-/reload</code>
      </p>
    </Empty>
  );
}
