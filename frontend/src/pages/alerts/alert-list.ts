/**
 * The alerts of a page: what rules say (pending or firing, with a value) joined with what Alertmanager's pipeline makes of
 * it (receivers, silenced, inhibited) and with who acknowledged; then filtered, and grouped by the name of the alert.
 */
import type { Acknowledgement, AlertingRule, ManagedAlert, RuleGroups } from "../../api/alerting";
import type { LabelSet } from "../../api/prometheus";
import { toNumber } from "../metrics/matrix";
import { fingerprintOf } from "./fingerprint";
import { type Matcher, matchesAll, readMatchers } from "./matcher";
import { bySeverity, gravity, severityOf } from "./severity";

export interface Alert {
  fingerprint: string;
  name: string;
  labels: LabelSet;
  annotations: LabelSet;
  state: "pending" | "firing";
  severity: string;
  service: string;
  /** Unix seconds. */
  since: number;
  /** Null where the alert came from elsewhere. */
  value: number | null;
  /** The rule that made it, if it is one of ours. */
  rule: AlertingRule | null;
  /** Names; none while it is pending, or before the pipeline knows it. */
  receivers: string[];
  silencedBy: string[];
  inhibitedBy: string[];
  mutedBy: string[];
  acknowledged: Acknowledgement | null;
  /** Whether the condition is over and the alert is only kept firing for a while. */
  isKept: boolean;
}

export interface AlertFilters {
  severity: string;
  state: AlertState | "";
  service: string;
  /** As written in the address. */
  matchers: string[];
}

/** What people ask for: firing is what somebody is told of, suppressed is what fires and nobody is told of. */
export type AlertState = "firing" | "pending" | "suppressed";

export const STATES: readonly AlertState[] = ["firing", "pending", "suppressed"];

export interface AlertGroup {
  name: string;
  /** The gravest of its alerts. */
  severity: string;
  alerts: Alert[];
  /** Labels that all of them share, without the name and the severity. */
  common: LabelSet;
  rule: AlertingRule | null;
}

export function joinAlerts(
  groups: RuleGroups["groups"],
  managed: readonly ManagedAlert[],
  acknowledgements: readonly Acknowledgement[] = [],
): Alert[] {
  const byFingerprint = new Map(managed.map((alert) => [alert.fingerprint, alert]));
  const acknowledged = new Map(acknowledgements.map((each) => [each.fingerprint, each]));
  const found = new Map<string, Alert>();
  for (const { rules } of groups) {
    for (const rule of rules) {
      for (const alert of rule.alerts ?? []) {
        if (alert.state === "inactive") continue;
        const labels = withoutEmpty(alert.labels);
        const fingerprint = fingerprintOf(labels);
        const told = alert.state === "firing" ? byFingerprint.get(fingerprint) : undefined;
        if (found.get(fingerprint)?.state === "firing") continue; // the same labels of two rules are one alert
        found.set(fingerprint, {
          ...identity(fingerprint, labels, acknowledged),
          annotations: alert.annotations,
          state: alert.state,
          since: Date.parse(alert.activeAt) / 1000,
          value: toNumber(alert.value),
          rule,
          ...treatment(told),
          isKept: alert.keepFiringSince !== undefined,
        });
      }
    }
  }
  for (const alert of managed) {
    if (found.has(alert.fingerprint) && found.get(alert.fingerprint)?.state === "firing") continue;
    found.set(alert.fingerprint, {
      ...identity(alert.fingerprint, alert.labels, acknowledged),
      annotations: alert.annotations,
      state: "firing",
      since: Date.parse(alert.startsAt) / 1000,
      value: null,
      rule: null,
      ...treatment(alert),
      isKept: false,
    });
  }
  return [...found.values()].sort(byUrgency);
}

function identity(fingerprint: string, labels: LabelSet, acknowledged: ReadonlyMap<string, Acknowledgement>) {
  return {
    fingerprint,
    name: labels.alertname ?? "",
    labels,
    severity: severityOf(labels),
    service: serviceOf(labels),
    acknowledged: acknowledged.get(fingerprint) ?? null,
  };
}

function treatment(told: ManagedAlert | undefined) {
  return {
    receivers: told ? [...new Set(told.receivers.map(({ name }) => name))] : [],
    silencedBy: told?.status.silencedBy ?? [],
    inhibitedBy: told?.status.inhibitedBy ?? [],
    mutedBy: told?.status.mutedBy ?? [],
  };
}

function withoutEmpty(labels: LabelSet): LabelSet {
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ""));
}

/** The service that an alert is about, by the label that says so best. */
export function serviceOf(labels: LabelSet): string {
  return labels.service ?? labels.service_name ?? labels.job ?? "";
}

/** Whether it fires and yet nobody is told. */
export function isSuppressed({ silencedBy, inhibitedBy, mutedBy }: Alert): boolean {
  return silencedBy.length + inhibitedBy.length + mutedBy.length > 0;
}

export function stateOf(alert: Alert): AlertState {
  if (alert.state === "pending") return "pending";
  return isSuppressed(alert) ? "suppressed" : "firing";
}

export function countStates(alerts: readonly Alert[]): Record<AlertState, number> {
  const counts = { firing: 0, pending: 0, suppressed: 0 };
  for (const alert of alerts) counts[stateOf(alert)] += 1;
  return counts;
}

/** What has to be looked at first: what fires, the gravest, what nobody has taken yet, the newest. */
function byUrgency(a: Alert, b: Alert): number {
  return (
    STATE_ORDER[stateOf(a)] - STATE_ORDER[stateOf(b)] ||
    gravity(a.severity) - gravity(b.severity) ||
    Number(a.acknowledged !== null) - Number(b.acknowledged !== null) ||
    b.since - a.since ||
    (a.fingerprint < b.fingerprint ? -1 : 1)
  );
}

const STATE_ORDER: Record<AlertState, number> = { firing: 0, pending: 1, suppressed: 2 };

export function readAlertFilters(query: URLSearchParams): AlertFilters {
  const state = query.get("state") as AlertState | null;
  return {
    severity: query.get("severity") ?? "",
    state: state && STATES.includes(state) ? state : "",
    service: query.get("service") ?? "",
    matchers: query.getAll("matcher"),
  };
}

export function isFiltered({ severity, state, service, matchers }: AlertFilters): boolean {
  return severity !== "" || state !== "" || service !== "" || matchers.length > 0;
}

export function filterAlerts(alerts: readonly Alert[], filters: AlertFilters): Alert[] {
  const matchers = readMatchers(filters.matchers);
  return alerts.filter(
    (alert) =>
      (filters.severity === "" || alert.severity === filters.severity) &&
      (filters.state === "" || stateOf(alert) === filters.state) &&
      (filters.service === "" || alert.service === filters.service) &&
      matchesAll(matchers, alert.labels),
  );
}

/** In the order of their most urgent alert. */
export function groupAlerts(alerts: readonly Alert[]): AlertGroup[] {
  const groups = new Map<string, Alert[]>();
  for (const alert of alerts) {
    const known = groups.get(alert.name);
    if (known) known.push(alert);
    else groups.set(alert.name, [alert]);
  }
  return [...groups].map(([name, own]) => ({
    name,
    severity: own.map(({ severity }) => severity).sort(bySeverity)[0] ?? "",
    alerts: own,
    common: shared(own.map(({ labels }) => labels)),
    rule: own.find(({ rule }) => rule !== null)?.rule ?? null,
  }));
}

/** Names that every alert of a group has in its head. */
const SAID_ABOVE: ReadonlySet<string> = new Set(["alertname", "severity"]);

function shared(all: readonly LabelSet[]): LabelSet {
  const [first = {}, ...others] = all;
  if (others.length === 0) return {};
  return Object.fromEntries(
    Object.entries(first).filter(
      ([name, value]) => !SAID_ABOVE.has(name) && others.every((labels) => labels[name] === value),
    ),
  );
}

/** The labels that tell an alert from the others of its group. */
export function ownLabels(alert: Alert, { common, severity }: AlertGroup): LabelSet {
  return Object.fromEntries(
    Object.entries(alert.labels).filter(
      ([name, value]) => name !== "alertname" && !(name in common) && !(name === "severity" && value === severity),
    ),
  );
}

/** The services and severities that there are to be chosen from. */
export function choices(alerts: readonly Alert[]): { services: string[]; severities: string[] } {
  const distinct = (values: string[]) => [...new Set(values)].filter((value) => value !== "");
  return {
    services: distinct(alerts.map(({ service }) => service)).sort(),
    severities: distinct(alerts.map(({ severity }) => severity)).sort(bySeverity),
  };
}

/** The alerts that a silence with these matchers would keep quiet. */
export function silenced(alerts: readonly Alert[], matchers: readonly Matcher[]): Alert[] {
  return matchers.length === 0 ? [] : alerts.filter(({ labels }) => matchesAll(matchers, labels));
}

/** The line that says in words what is wrong. */
export function summaryOf({ summary, message, title, description }: LabelSet): string {
  return summary ?? message ?? title ?? description ?? "";
}
