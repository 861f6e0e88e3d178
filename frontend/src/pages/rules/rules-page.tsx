/** What is evaluated: every rule by file and group, with its state, its health and its timing. */
import type { ComponentChildren } from "preact";
import { useMemo, useRef } from "preact/hooks";
import type { InstantResult, PrometheusAnswer } from "../../api/prometheus";
import { useResource } from "../../api/resource";
import { ALL_RULES, MISSED_EVALUATIONS, type RuleGroups } from "../../api/rules";
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
import { AlertsHead } from "../alerts/alerts-head";
import { GroupPanel } from "./group-panel";
import { countRules, HEALTHS, isFiltered, readRuleFilters, STATES, toFiles } from "./rule-list";

const RULE_FILE = `# rules/web.yml
groups:
  - name: web
    rules:
      - alert: ServiceDown
        expr: up == 0
        for: 1m
        labels: {severity: critical}`;

const SONDE_CONFIG = `# sonde.yaml
rules:
  files: [rules/*.yml]
  packs: [service, host]`;

const STATE_LABELS = { firing: "Firing", pending: "Pending", inactive: "Inactive", recording: "Recording" } as const;
const HEALTH_LABELS = { err: "Failing", unknown: "Not yet", ok: "Healthy" } as const;

export function RulesPage() {
  const query = useQuery();
  const { version, nowSeconds } = useTime();
  const filters = useMemo(() => readRuleFilters(query), [query]);
  const search = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => search.current?.focus() });
  const told = useResource<RuleGroups>(ALL_RULES, version);
  // Whether turns were missed is told by Sonde's own metrics; without them the page just says nothing of it.
  const missed = useMissed(version);
  const groups = told.data?.data.groups;
  const counts = useMemo(() => countRules(groups ?? []), [groups]);
  const files = useMemo(() => toFiles(groups ?? [], filters), [groups, filters]);
  if (told.error) {
    return (
      <Frame>
        <ErrorNotice error={told.error} />
      </Frame>
    );
  }
  if (!groups) {
    return (
      <Frame>
        <Skeleton rows={10} height={36} />
      </Frame>
    );
  }
  if (groups.length === 0) {
    return (
      <Frame>
        <NoRules />
      </Frame>
    );
  }
  const missedAll = [...missed.values()].reduce((sum, count) => sum + count, 0);
  return (
    <Frame>
      <div class="tiles">
        <Tile label="Rules" value={formatCount(counts.all)} note={`in ${plural(groups.length, "group")}`} />
        <Tile
          label="Firing"
          value={formatCount(counts.states.firing)}
          tone={counts.states.firing > 0 ? "bad" : "plain"}
          note={`${formatCount(counts.states.pending)} pending`}
        />
        <Tile
          label="Failing"
          value={formatCount(counts.health.err)}
          tone={counts.health.err > 0 ? "bad" : "plain"}
          note={counts.health.unknown > 0 ? `${formatCount(counts.health.unknown)} not evaluated yet` : "to evaluate"}
        />
        <Tile
          label="Missed turns"
          value={missed.size > 0 ? formatCount(missedAll) : "–"}
          tone={missedAll >= 1 ? "warn" : "plain"}
          note={missed.size > 0 ? "in the last hour" : "not measured"}
        />
      </div>
      <FilterBar
        label="Filter rules"
        first={
          <SearchBox
            label="Search in names, expressions, labels and errors (/)"
            placeholder="Search names, expressions, labels"
            value={filters.text}
            inputRef={search}
            onCommit={(value) => setQuery({ search: value }, { replace: true })}
          />
        }
        onClear={isFiltered(filters) ? () => setQuery({ search: null, state: null, health: null }) : undefined}
      >
        <Segmented
          label="State"
          options={[
            { value: "", label: "All" },
            ...STATES.map((state) => ({
              value: state,
              label: `${STATE_LABELS[state]} ${formatCount(counts.states[state])}`,
            })),
          ]}
          chosen={filters.state}
          onChoose={(state) => setQuery({ state })}
        />
        <select
          class={filters.health ? "select is-set" : "select"}
          aria-label="Health"
          value={filters.health}
          onChange={(event) => setQuery({ health: event.currentTarget.value })}
        >
          <option value="">Any health</option>
          {HEALTHS.map((health) => (
            <option key={health} value={health}>
              {HEALTH_LABELS[health]} ({formatCount(counts.health[health])})
            </option>
          ))}
        </select>
      </FilterBar>
      {files.map(({ file, groups: own }) => (
        <section key={file} class="rule-file" aria-label={`Rules of ${file}`}>
          <h2 class="rule-file-name">
            <code>{file}</code>
          </h2>
          {own.map(({ group, rules }) => (
            <GroupPanel
              key={group.name}
              group={group}
              rules={rules}
              nowSeconds={nowSeconds}
              missed={missed.get(`${group.file};${group.name}`) ?? 0}
              stale={told.loading}
            />
          ))}
        </section>
      ))}
      {files.length === 0 && (
        <Empty title="No rule matches these filters">
          <p>Remove a filter to see all {formatCount(counts.all)}.</p>
        </Empty>
      )}
    </Frame>
  );
}

function useMissed(version: number): Map<string, number> {
  const told = useResource<PrometheusAnswer<InstantResult>>(MISSED_EVALUATIONS, version);
  const result = told.data?.data;
  return useMemo(
    () =>
      new Map(
        result?.resultType === "vector"
          ? result.result.map(({ metric, value }) => [metric.rule_group ?? "", Math.round(Number(value?.[1] ?? 0))])
          : [],
      ),
    [result],
  );
}

function Frame({ children }: { children: ComponentChildren }) {
  return (
    <>
      <AlertsHead title="Rules" timeless />
      {children}
    </>
  );
}

function NoRules() {
  return (
    <Empty title="No rule is evaluated yet">
      <p>
        Sonde reads the rule files of Prometheus as they are, and has packs of its own. Name either in its
        configuration.
      </p>
      <div class="send-data">
        <Snippet label="A rule" text={RULE_FILE} />
        <Snippet label="Where Sonde finds it" text={SONDE_CONFIG} />
      </div>
      <p>
        Check a file with <code>sonde rules check rules/web.yml</code>.
      </p>
    </Empty>
  );
}
