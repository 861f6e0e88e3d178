/** All silences: those that hold, those to come, those that are over. */
import { useMemo, useRef } from "preact/hooks";
import { alertmanagerAddress, type ManagedAlert, type Silence } from "../../api/alerting";
import { useResource } from "../../api/resource";
import { pageLink, setQuery, useQuery } from "../../router/query";
import { Empty } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { Icon } from "../../ui/icon";
import { useKeys } from "../../ui/keyboard";
import { formatCount } from "../../ui/number";
import { SearchBox } from "../../ui/search-box";
import { Segmented } from "../../ui/segmented";
import { Skeleton } from "../../ui/skeleton";
import { AlertsHead } from "./alerts-head";
import { useLive } from "./live";
import { fromSilenceMatcher, printMatcher } from "./matcher";
import { SilenceRow } from "./silence-row";

type State = Silence["status"]["state"];
const STATES: readonly { value: State; label: string }[] = [
  { value: "active", label: "Active" },
  { value: "pending", label: "Pending" },
  { value: "expired", label: "Expired" },
];
const SHOWN = 200;

export function SilencesPage() {
  const query = useQuery();
  const { version, nowSeconds } = useLive();
  const search = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => search.current?.focus() });
  const { data, error } = useResource<Silence[]>(alertmanagerAddress("/silences"), version);
  const managed = useResource<ManagedAlert[]>(alertmanagerAddress("/alerts", { active: "false" }), version);
  const state = query.get("state") ?? "";
  const text = query.get("search") ?? "";
  const chosen = query.get("chosen") ?? "";
  const quiet = useMemo(() => countQuiet(managed.data ?? []), [managed.data]);
  const found = useMemo(() => (data ?? []).filter((silence) => mentions(silence, text)), [data, text]);
  const counts = useMemo(() => countStates(found), [found]);
  // Without a choice those that matter: what is over comes after them, and only where it was asked for.
  const shown = found.filter(
    ({ id, status }) => (state === "" ? status.state !== "expired" : status.state === state) || id === chosen,
  );
  return (
    <>
      <AlertsHead title="Silences" timeless>
        <a class="button button-primary" href={pageLink("/alerts/silences/new")}>
          <Icon name="plus" size={14} /> New silence
        </a>
      </AlertsHead>
      <div class="filter-bar" role="search" aria-label="Filter silences">
        <Segmented
          label="State"
          options={[
            { value: "", label: "Now and to come" },
            ...STATES.map(({ value, label }) => ({ value, label: `${label} ${formatCount(counts[value])}` })),
          ]}
          chosen={state}
          onChoose={(next) => setQuery({ state: next, chosen: null })}
        />
        <SearchBox
          label="Search in matchers, comments and names (/)"
          placeholder="Search matchers, comments, names"
          value={text}
          inputRef={search}
          onCommit={(value) => setQuery({ search: value }, { replace: true })}
        />
      </div>
      {error && <ErrorNotice error={error} />}
      {!data && !error && <Skeleton rows={8} height={48} />}
      {data && shown.length === 0 && (
        <Empty title={text ? "No silence fits this search" : "Nothing is silenced"}>
          <p>A silence keeps alerts quiet for a while: during a deployment, or while somebody mends it.</p>
          <a class="button" href={pageLink("/alerts/silences/new")}>
            New silence
          </a>
        </Empty>
      )}
      {shown.length > 0 && (
        <section class="panel" aria-label="Silences">
          <ul class="silence-rows">
            {shown.slice(0, SHOWN).map((silence) => (
              <SilenceRow
                key={silence.id}
                silence={silence}
                alerts={quiet.get(silence.id) ?? 0}
                nowSeconds={nowSeconds}
                isChosen={silence.id === chosen}
              />
            ))}
          </ul>
          {shown.length > SHOWN && (
            <p class="padded muted">and {formatCount(shown.length - SHOWN)} more: search to find them.</p>
          )}
        </section>
      )}
    </>
  );
}

function countQuiet(alerts: readonly ManagedAlert[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { status } of alerts) {
    for (const id of status.silencedBy) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

function countStates(silences: readonly Silence[]): Record<State, number> {
  const counts = { active: 0, pending: 0, expired: 0 };
  for (const { status } of silences) counts[status.state] += 1;
  return counts;
}

function mentions({ matchers, comment, createdBy }: Silence, text: string): boolean {
  const written = matchers.map((matcher) => printMatcher(fromSilenceMatcher(matcher))).join(" ");
  const searched = `${written} ${comment} ${createdBy}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => searched.includes(word));
}
