/** Rules, routes, receivers, objectives and who is on call, as the server tells them, and what pages ask of it. */
import { address, send } from "./client";
import { type LabelSet, type PrometheusAnswer, prometheusAddress } from "./prometheus";

export type RuleHealth = "unknown" | "ok" | "err";
export type RuleState = "unknown" | "inactive" | "pending" | "firing";

export interface RuleAlert {
  labels: LabelSet;
  annotations: LabelSet;
  state: "inactive" | "pending" | "firing";
  /** RFC 3339. */
  activeAt: string;
  /** A number as text. */
  value: string;
}

interface AnyRule {
  name: string;
  query: string;
  labels: LabelSet;
  health: RuleHealth;
  lastError?: string;
  /** Seconds that the last evaluation took. */
  evaluationTime: number;
  /** RFC 3339; the year 1 before the first evaluation. */
  lastEvaluation: string;
}

export interface RecordingRule extends AnyRule {
  type: "recording";
}

export interface AlertingRule extends AnyRule {
  type: "alerting";
  state: RuleState;
  /** Seconds for which the expression has to hold. */
  duration: number;
  keepFiringFor: number;
  annotations: LabelSet;
  alerts: RuleAlert[] | null;
}

export type Rule = RecordingRule | AlertingRule;

export interface RuleGroup {
  name: string;
  file: string;
  rules: Rule[];
  /** Seconds. */
  interval: number;
  limit: number;
  evaluationTime: number;
  lastEvaluation: string;
}

export type RuleGroups = PrometheusAnswer<{ groups: RuleGroup[] }>;

export interface NamedInterval {
  name: string;
  /** Whether now lies within. */
  is_active: boolean;
}

export interface RouteNode {
  id: string;
  matchers: string[];
  receiver: string;
  continue: boolean;
  /** `...` is all labels. */
  group_by: string[];
  group_wait_seconds: number;
  group_interval_seconds: number;
  repeat_interval_seconds: number;
  mute_time_intervals: NamedInterval[];
  active_time_intervals: NamedInterval[];
  /** The intervals for which it tells nobody now. */
  muted_by: string[];
  /** Alerts that it has now. */
  firing: number;
  routes: RouteNode[];
}

export interface InhibitRule {
  sources: string[];
  targets: string[];
  equal: string[];
}

export interface RoutesAnswer {
  route: RouteNode;
  receivers: { name: string; kinds: string[] }[];
  inhibit_rules: InhibitRule[];
  time_intervals: NamedInterval[];
}

export interface TakenRoute {
  id: string;
  /** Ids of the routes from the root down to it. */
  path: string[];
  path_text: string;
  receiver: string;
  kinds: string[];
  group_labels: LabelSet;
  group_key: string;
  /** Alerts that the group has already. */
  group_alerts: number;
  group_wait_seconds: number;
  group_interval_seconds: number;
  repeat_interval_seconds: number;
  muted_by: string[];
}

export interface RouteTest {
  labels: LabelSet;
  fingerprint: string;
  routes: TakenRoute[];
  silenced_by: { id: string; matchers: string[]; comment: string; created_by: string; ends_at: string }[];
  inhibited_by: { fingerprint: string; labels: LabelSet }[];
  /** Who takes care of this very alert already. */
  acknowledged_by: string | null;
  /** It ended so lately that it is not told again yet. */
  in_cooldown: boolean;
  /** The name of the policy. */
  escalation: string | null;
}

export interface IntegrationState {
  /** receiver/kind/index */
  key: string;
  kind: string;
  /** Whom it reaches, where that is no secret. */
  where: string;
  send_resolved: boolean;
  /** Since the server began, as the other counts. */
  sent: number;
  failed: number;
  attempts: number;
  last_attempt_at: string | null;
  last_duration_seconds: number | null;
  last_error: string;
}

export interface ReceiverState {
  name: string;
  integrations: IntegrationState[];
}

export interface ReceiverTest {
  receiver: string;
  status: "firing" | "resolved";
  results: { key: string; kind: string; delivered: boolean; error: string; duration_seconds: number }[];
}

export interface BurnRate {
  severity: string;
  name: string;
  factor: number;
  long_window: string;
  long: number | null;
  short_window: string | null;
  short: number | null;
  state: RuleState;
}

/** Null is "not recorded", which is never a good figure. */
export interface Slo {
  name: string;
  service: string;
  description: string;
  labels: LabelSet;
  /** The share of events that are good. */
  objective: number;
  window: { days: number; calendar: string | null; start_seconds: number };
  indicator: { errors: string; events: string };
  events: number | null;
  errors: number | null;
  good: number | null;
  good_now: number | null;
  budget_left: number | null;
  errors_left: number | null;
  burn_now: number | null;
  exhausted_in_seconds: number | null;
  burn_rates: BurnRate[];
  alerts: { name: string; severity: string; state: RuleState; budget_below: string }[];
  policies: { below: number; action: string; severity: string }[];
}

export interface BurnDown {
  times: number[];
  step_seconds: number;
  budget_left: (number | null)[];
  error_ratio: (number | null)[];
  events: (number | null)[];
}

export type SloDetail = Slo & { burn_down: BurnDown };

export interface Turn {
  person: string;
  /** RFC 3339, as `until`. */
  since: string;
  until: string;
  is_override: boolean;
}

export interface Rotation {
  name: string;
  time_zone: string;
  /** Such as "Monday 09:00". */
  handoff: string;
  now: Turn;
  upcoming: Turn[];
}

export interface Escalation {
  name: string;
  matchers: string[];
  steps: { after: string; notify: string[] }[];
  repeat: number;
}

/** Somebody stands in for whoever has the turn. */
export interface Override {
  id: string;
  rotation: string;
  person: string;
  since: string;
  until: string;
  /** Who said so. */
  by: string;
}

export interface OnCall {
  rotations: Rotation[];
  escalations: Escalation[];
  people: { name: string; receivers: string[] }[];
  overrides: Override[];
}

export const ALL_RULES = prometheusAddress("/rules");
/** Evaluations that groups were too slow for, by file;group; where Sonde collects its own metrics. */
export const MISSED_EVALUATIONS = prometheusAddress("/query", {
  query: "sum by (rule_group) (increase(sonde_rules_group_iterations_missed_total[1h]))",
});
export const ROUTES = address("/routes");
export const RECEIVERS = address("/receivers");
export const SLOS = address("/slos");
export const ON_CALL = address("/on-call");

export function sloAddress(service: string, name: string, days: string): string {
  return address(`/slos/${encodeURIComponent(name)}`, { service, days });
}

export async function testRoutes(labels: LabelSet): Promise<RouteTest> {
  return send<RouteTest>("POST", address("/routes/test"), { labels });
}

export async function testReceiver(name: string, status: "firing" | "resolved"): Promise<ReceiverTest> {
  return send<ReceiverTest>("POST", address(`/receivers/${encodeURIComponent(name)}/test`), { status });
}

/** Moments are RFC 3339. */
export async function addOverride(rotation: string, person: string, since: string, until: string): Promise<void> {
  await send("POST", address("/on-call/overrides"), { rotation, person, since, until });
}

export async function removeOverride(id: string): Promise<void> {
  await send("DELETE", address(`/on-call/overrides/${encodeURIComponent(id)}`));
}
