/** Rule groups by file, and those rules of them that a filter leaves; turns that come, in words. */

import { seriesText } from "../../api/prometheus";
import type { AlertingRule, Rule, RuleGroup, RuleHealth } from "../../api/rules";

export type ShownState = "firing" | "pending" | "inactive" | "recording";

export const STATES: readonly ShownState[] = ["firing", "pending", "inactive", "recording"];
export const HEALTHS: readonly RuleHealth[] = ["err", "unknown", "ok"];

export interface RuleFilters {
  text: string;
  state: ShownState | "";
  health: RuleHealth | "";
}

export interface RuleFile {
  file: string;
  groups: { group: RuleGroup; rules: Rule[] }[];
}

export function readRuleFilters(query: URLSearchParams): RuleFilters {
  const state = query.get("state") as ShownState | null;
  const health = query.get("health") as RuleHealth | null;
  return {
    text: query.get("search") ?? "",
    state: state && STATES.includes(state) ? state : "",
    health: health && HEALTHS.includes(health) ? health : "",
  };
}

export function isFiltered({ text, state, health }: RuleFilters): boolean {
  return text !== "" || state !== "" || health !== "";
}

/** A rule that was never evaluated is as quiet as an inactive one. */
export function stateOf(rule: Rule): ShownState {
  if (rule.type === "recording") return "recording";
  return rule.state === "firing" || rule.state === "pending" ? rule.state : "inactive";
}

export function alertsOf(rule: Rule): NonNullable<AlertingRule["alerts"]> {
  return rule.type === "alerting" ? (rule.alerts ?? []) : [];
}

export interface RuleCounts {
  all: number;
  states: Record<ShownState, number>;
  health: Record<RuleHealth, number>;
}

export function countRules(groups: readonly RuleGroup[]): RuleCounts {
  const counts: RuleCounts = {
    all: 0,
    states: { firing: 0, pending: 0, inactive: 0, recording: 0 },
    health: { err: 0, unknown: 0, ok: 0 },
  };
  for (const rule of groups.flatMap(({ rules }) => rules)) {
    counts.all += 1;
    counts.states[stateOf(rule)] += 1;
    counts.health[rule.health] += 1;
  }
  return counts;
}

/** Files in the order in which they are configured; in each, groups that have a rule which the filter leaves. */
export function toFiles(groups: readonly RuleGroup[], filters: RuleFilters): RuleFile[] {
  const files = new Map<string, RuleFile>();
  for (const group of groups) {
    const rules = group.rules.filter((rule) => matches(rule, group, filters));
    if (rules.length === 0 && (isFiltered(filters) || group.rules.length > 0)) continue;
    const file = files.get(group.file) ?? { file: group.file, groups: [] };
    file.groups.push({ group, rules });
    files.set(group.file, file);
  }
  return [...files.values()];
}

function matches(rule: Rule, group: RuleGroup, { text, state, health }: RuleFilters): boolean {
  if (state !== "" && stateOf(rule) !== state) return false;
  if (health !== "" && rule.health !== health) return false;
  const annotations = rule.type === "alerting" ? Object.values(rule.annotations).join(" ") : "";
  const searched =
    `${rule.name} ${rule.query} ${seriesText(rule.labels)} ${annotations} ${rule.lastError ?? ""} ${group.name} ${group.file}`.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => searched.includes(word));
}

/** Unix seconds; null for the year 1, which is "never". */
export function toSeconds(moment: string): number | null {
  const millis = Date.parse(moment);
  return Number.isNaN(millis) || millis <= 0 ? null : millis / 1000;
}

/** Until the group has its next turn; null before its first, and when that is late. */
export function secondsToNextTurn({ lastEvaluation, interval }: RuleGroup, nowSeconds: number): number | null {
  const last = toSeconds(lastEvaluation);
  if (last === null) return null;
  const rest = last + interval - nowSeconds;
  return rest >= 0 ? rest : null;
}

/** How much of its interval a group needs; from 1 on it misses turns. */
export function load({ evaluationTime, interval }: RuleGroup): number {
  return interval > 0 ? evaluationTime / interval : 0;
}

/** A duration as rule files have it: 90 is 1m30s. */
export function shortDuration(seconds: number): string {
  if (seconds <= 0) return "0s";
  if (seconds < 1) return `${Math.round(seconds * 1000)}ms`;
  const units: readonly [string, number][] = [
    ["d", 86400],
    ["h", 3600],
    ["m", 60],
    ["s", 1],
  ];
  let rest = Math.round(seconds);
  return units
    .map(([unit, size]) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return count > 0 ? `${count}${unit}` : "";
    })
    .join("");
}
