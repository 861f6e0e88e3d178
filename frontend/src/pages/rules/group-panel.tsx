/** A group of rules: its timing, and a row for each rule that opens to all that there is to know of it. */
import { useState } from "preact/hooks";
import type { Rule, RuleGroup } from "../../api/rules";
import { pageLink } from "../../router/query";
import { formatSeconds } from "../../time/duration";
import { formatAgo, formatClock, formatDate } from "../../time/format";
import { useZone } from "../../time/zone";
import { Icon } from "../../ui/icon";
import { formatCount, formatShare, plural } from "../../ui/number";
import { LabelChips } from "../alerts/labels";
import { RuleDetails } from "./rule-details";
import { alertsOf, load, secondsToNextTurn, shortDuration, stateOf, toSeconds } from "./rule-list";

interface Props {
  group: RuleGroup;
  /** Those that the filter leaves. */
  rules: readonly Rule[];
  nowSeconds: number;
  /** Turns within the last hour. */
  missed: number;
  stale: boolean;
}

/** Rows of a group at first; the search finds the others. */
const SHOWN = 50;
/** From this share of its interval on, a group is close to missing turns. */
const BUSY = 0.8;

export function GroupPanel({ group, rules, nowSeconds, missed, stale }: Props) {
  const [all, setAll] = useState(false);
  const zone = useZone();
  const last = toSeconds(group.lastEvaluation);
  const next = secondsToNextTurn(group, nowSeconds);
  const busy = load(group);
  const shown = all ? rules : rules.slice(0, SHOWN);
  return (
    <section class={stale ? "panel is-stale" : "panel"} aria-label={`Group ${group.name}`}>
      <header class="panel-head">
        <h3>{group.name}</h3>
        {rules.length < group.rules.length && (
          <span class="muted">
            {formatCount(rules.length)} of {plural(group.rules.length, "rule")}
          </span>
        )}
        {missed > 0 && <span class="tag tag-warn">{plural(missed, "turn")} missed in the last hour</span>}
        {busy >= BUSY && <span class="tag tag-warn">needs {formatShare(busy)} of its interval</span>}
        {group.limit > 0 && <span class="tag">at most {formatCount(group.limit)} series</span>}
        <p class="panel-aside group-timing">
          <span>every {shortDuration(group.interval)}</span>
          <span title={last === null ? "" : `${formatDate(last, zone)} ${formatClock(last, zone)}`}>
            {last === null
              ? "not evaluated yet"
              : `${formatAgo(last, nowSeconds)}, took ${formatSeconds(group.evaluationTime)}`}
          </span>
          {next !== null && <span>next in {shortDuration(Math.max(next, 1))}</span>}
        </p>
      </header>
      {shown.length > 0 && (
        <div class="table-scroll">
          <table class="table rule-table">
            <thead>
              <tr>
                <th scope="col">State</th>
                <th scope="col">Rule</th>
                <th scope="col" class="cell-number">
                  Evaluated
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
              {shown.map((rule, place) => (
                <RuleRow key={`${place} ${rule.name}`} rule={rule} nowSeconds={nowSeconds} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {shown.length < rules.length && (
        <p class="padded">
          <button type="button" class="button" onClick={() => setAll(true)}>
            Show all {formatCount(rules.length)}
          </button>
        </p>
      )}
      {group.rules.length === 0 && <p class="padded muted">This group has no rules.</p>}
    </section>
  );
}

function RuleRow({ rule, nowSeconds }: { rule: Rule; nowSeconds: number }) {
  const [open, setOpen] = useState(false);
  const zone = useZone();
  const last = toSeconds(rule.lastEvaluation);
  const alerts = alertsOf(rule);
  return (
    <>
      <tr class={rule.health === "err" ? "is-failing" : ""}>
        <td>
          <StateMark rule={rule} />
        </td>
        <td>
          <span class="rule-name">{rule.name}</span>
          {rule.type === "alerting" && rule.duration > 0 && (
            <span class="muted rule-for">for {shortDuration(rule.duration)}</span>
          )}
          {alerts.length > 0 && <span class="tag rule-alerts">{plural(alerts.length, "alert")}</span>}
          <code class="rule-query">{rule.query}</code>
          {Object.keys(rule.labels).length > 0 && <LabelChips labels={rule.labels} />}
          {rule.health === "err" && (
            <p class="error-text rule-error">{rule.lastError || "The last evaluation failed."}</p>
          )}
        </td>
        <td class="cell-number" title={last === null ? "" : `${formatDate(last, zone)} ${formatClock(last, zone)}`}>
          {last === null ? "not yet" : formatAgo(last, nowSeconds)}
        </td>
        <td class="cell-number">{last === null ? "" : formatSeconds(rule.evaluationTime)}</td>
        <td class="row-links">
          <a
            class="icon-button"
            href={pageLink("/metrics-explorer", { expr: rule.query })}
            title="The expression in the metrics explorer"
            aria-label={`Expression of ${rule.name} in the metrics explorer`}
          >
            <Icon name="metrics" size={15} />
          </a>
          <button
            type="button"
            class="icon-button"
            aria-expanded={open}
            title="All of it"
            aria-label={`Details of ${rule.name}`}
            onClick={() => setOpen(!open)}
          >
            <Icon name={open ? "collapse" : "expand"} size={15} />
          </button>
        </td>
      </tr>
      {open && (
        <tr class="rule-details">
          <td colSpan={5}>
            <RuleDetails rule={rule} nowSeconds={nowSeconds} />
          </td>
        </tr>
      )}
    </>
  );
}

function StateMark({ rule }: { rule: Rule }) {
  if (rule.health === "err") return <span class="state state-failing">failing</span>;
  if (rule.health === "unknown") return <span class="state">not yet</span>;
  const state = stateOf(rule);
  return <span class={`state state-${state}`}>{state}</span>;
}
