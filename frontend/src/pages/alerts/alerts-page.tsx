/** What fires now, and what is about to: by the name of the alert, the most urgent first. */
import { useMemo } from "preact/hooks";
import { setQuery, useQuery } from "../../router/query";
import { Empty, Snippet } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { FilterBar } from "../../ui/filter-bar";
import { useKeys } from "../../ui/keyboard";
import { formatCount, plural } from "../../ui/number";
import { Segmented } from "../../ui/segmented";
import { Skeleton } from "../../ui/skeleton";
import { AlertGroupPanel } from "./alert-group";
import {
  type Alert,
  type AlertFilters,
  choices,
  countStates,
  filterAlerts,
  groupAlerts,
  isFiltered,
  readAlertFilters,
} from "./alert-list";
import { AlertsHead } from "./alerts-head";
import { LIVE_NOTE, useLive } from "./live";
import { printMatcher } from "./matcher";
import { addMatcher, MatcherFilter, MatcherFilterChips } from "./matcher-filter";
import { useAlerts } from "./use-alerts";

/** Groups that are drawn at once: nobody reads more, and a browser should not have to. */
const SHOWN_GROUPS = 100;
/** Alerts of one of several groups, and of the only one. */
const SHOWN_OF_EACH = 10;
const SHOWN_ALONE = 500;

export function AlertsPage() {
  const query = useQuery();
  const { version, nowSeconds } = useLive();
  const { alerts, groups: rules, error } = useAlerts(version);
  const filters = useMemo(() => readAlertFilters(query), [query]);
  const fitting = useMemo(() => filterAlerts(alerts ?? [], filters), [alerts, filters]);
  const groups = useMemo(() => groupAlerts(fitting), [fitting]);
  useKeys({ j: () => step(1), k: () => step(-1), s: silenceFocused });
  return (
    <>
      <AlertsHead title="Alerts" timeless>
        <LiveNote />
      </AlertsHead>
      {error && <ErrorNotice error={error} />}
      {!alerts && !error && <Skeleton rows={8} height={56} />}
      {alerts && alerts.length > 0 && <AlertFilterBar alerts={alerts} filters={filters} />}
      {alerts?.length === 0 && !error && <NothingFires rules={rules.flatMap((group) => group.rules).length} />}
      {alerts && alerts.length > 0 && groups.length === 0 && (
        <Empty title="No alert fits these filters">
          <p>Remove a filter to see all {formatCount(alerts.length)}.</p>
        </Empty>
      )}
      {groups.slice(0, SHOWN_GROUPS).map((group) => (
        <AlertGroupPanel
          key={group.name}
          group={group}
          most={groups.length === 1 ? SHOWN_ALONE : SHOWN_OF_EACH}
          nowSeconds={nowSeconds}
          onChoose={(matcher) => addMatcher(filters.matchers, printMatcher(matcher))}
        />
      ))}
      {groups.length > SHOWN_GROUPS && (
        <p class="padded muted">
          {plural(groups.length - SHOWN_GROUPS, "more alert")} of lesser urgency. Filters above show them.
        </p>
      )}
      {groups.length > 0 && (
        <p class="key-help metrics-keys">
          <kbd>j</kbd> <kbd>k</kbd> next, previous · <kbd>Enter</kbd> open · <kbd>s</kbd> silence · <kbd>r</kbd> refresh
        </p>
      )}
    </>
  );
}

/** The focus moves from alert to alert; Enter opens the one that has it. */
function step(by: number): void {
  const links = [...document.querySelectorAll<HTMLElement>(".alert-summary")];
  const row = document.activeElement?.closest(".alert-row") ?? null;
  const at = links.findIndex((link) => link.closest(".alert-row") === row);
  const next = at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + by));
  links[next]?.focus();
}

function silenceFocused(): void {
  document.activeElement?.closest(".alert-row")?.querySelector<HTMLElement>("[data-action='silence']")?.click();
}

/** These pages ask again by themselves, whatever the interval in the head. */
export function LiveNote() {
  return useQuery().get("refresh") ? null : <span class="live-note wide-only">{LIVE_NOTE}</span>;
}

function AlertFilterBar({ alerts, filters }: { alerts: readonly Alert[]; filters: AlertFilters }) {
  const counts = useMemo(() => countStates(alerts), [alerts]);
  const { services, severities } = useMemo(() => choices(alerts), [alerts]);
  const labels = useMemo(() => alerts.map((alert) => alert.labels), [alerts]);
  return (
    <FilterBar
      label="Filter alerts"
      first={
        <Segmented
          label="State"
          options={[
            { value: "", label: `All ${formatCount(alerts.length)}` },
            { value: "firing", label: `Firing ${formatCount(counts.firing)}` },
            { value: "pending", label: `Pending ${formatCount(counts.pending)}` },
            { value: "suppressed", label: `Quiet ${formatCount(counts.suppressed)}` },
          ]}
          chosen={filters.state}
          onChoose={(state) => setQuery({ state })}
        />
      }
      chips={<MatcherFilterChips matchers={filters.matchers} />}
      onClear={
        isFiltered(filters) ? () => setQuery({ severity: null, state: null, service: null, matcher: null }) : undefined
      }
    >
      <Choice
        label="Severity"
        all="All severities"
        options={severities}
        chosen={filters.severity}
        onChoose={(severity) => setQuery({ severity })}
      />
      <Choice
        label="Service"
        all="All services"
        options={services}
        chosen={filters.service}
        onChoose={(service) => setQuery({ service })}
      />
      <MatcherFilter matchers={filters.matchers} labels={labels} />
    </FilterBar>
  );
}

interface ChoiceProps {
  label: string;
  all: string;
  options: readonly string[];
  chosen: string;
  onChoose(value: string): void;
}

export function Choice({ label, all, options, chosen, onChoose }: ChoiceProps) {
  const shown = chosen && !options.includes(chosen) ? [chosen, ...options] : options;
  return (
    <select
      class={chosen ? "select is-set" : "select"}
      aria-label={label}
      value={chosen}
      onChange={(event) => onChoose(event.currentTarget.value)}
    >
      <option value="">{all}</option>
      {shown.map((option) => (
        <option key={option} value={option}>
          {option}
        </option>
      ))}
    </select>
  );
}

const RULES_CONFIG = `# sonde.yaml
rules:
  packs: [all]
  files: [rules/*.yml]`;

function NothingFires({ rules }: { rules: number }) {
  if (rules > 0) {
    return (
      <Empty title="Nothing fires">
        <p>
          {plural(rules, "alerting rule")} {rules === 1 ? "is" : "are"} evaluated, and no condition holds. What fired
          before stands in the history.
        </p>
      </Empty>
    );
  }
  return (
    <Empty title="There are no alerting rules yet">
      <p>Sonde comes with rules for services, hosts, databases and model calls, and reads Prometheus' rule files.</p>
      <div class="send-data">
        <Snippet label="In Sonde's configuration" text={RULES_CONFIG} />
      </div>
    </Empty>
  );
}
