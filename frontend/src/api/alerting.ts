/**
 * Alerts, silences, acknowledgements and notifications as the server tells them: rules by Prometheus' HTTP API, what
 * becomes of their alerts by Alertmanager's, the rest by Sonde's own.
 * https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
 */
import { address, type QueryValue, send } from "./client";
import { type LabelSet, prometheusAddress } from "./prometheus";
import type { Stats } from "./types";

export const ALERTMANAGER_PREFIX = "/alertmanager/api/v2";

export interface RuleAlert {
  labels: LabelSet;
  annotations: LabelSet;
  state: "inactive" | "pending" | "firing";
  /** RFC 3339. */
  activeAt: string;
  keepFiringSince?: string;
  /** A number as text. */
  value: string;
}

export interface AlertingRule {
  type: "alerting";
  name: string;
  query: string;
  state: "unknown" | "inactive" | "pending" | "firing";
  /** Seconds for which the expression has to hold. */
  duration: number;
  keepFiringFor: number;
  labels: LabelSet;
  annotations: LabelSet;
  alerts: RuleAlert[] | null;
  health: "unknown" | "ok" | "err";
  lastError?: string;
}

export interface RuleGroups {
  groups: { name: string; file: string; interval: number; rules: AlertingRule[] }[];
}

/** An alert as Alertmanager has it: it fires, and somebody is told or is not. */
export interface ManagedAlert {
  fingerprint: string;
  labels: LabelSet;
  annotations: LabelSet;
  startsAt: string;
  endsAt: string;
  updatedAt: string;
  generatorURL?: string;
  receivers: { name: string }[];
  status: {
    state: "active" | "suppressed" | "unprocessed";
    silencedBy: string[];
    inhibitedBy: string[];
    mutedBy?: string[];
  };
}

export interface SilenceMatcher {
  name: string;
  value: string;
  isRegex: boolean;
  isEqual: boolean;
}

export interface PostedSilence {
  /** Of the silence that is changed; absent for a new one. */
  id?: string;
  matchers: SilenceMatcher[];
  startsAt: string;
  endsAt: string;
  createdBy: string;
  comment: string;
}

export interface Silence extends PostedSilence {
  id: string;
  updatedAt: string;
  status: { state: "active" | "pending" | "expired" };
}

export interface Acknowledgement {
  fingerprint: string;
  by: string;
  comment: string;
  /** RFC 3339, as all times here. */
  at: string;
  /** Null: as long as the alert fires. */
  until: string | null;
}

export interface Acknowledgements {
  acknowledgements: Acknowledgement[];
}

export interface Notification {
  id: string;
  time_unix_nano: string;
  receiver: string;
  /** receiver/kind/index */
  integration: string;
  group_key: string;
  group_labels: LabelSet;
  status: "firing" | "resolved";
  /** As many as were kept. */
  alerts: LabelSet[];
  alert_count: number;
  firing_count: number;
  attempt: number;
  duration_nano: number;
  /** "" when it arrived. */
  error: string;
  is_retried: boolean;
}

export interface NotificationPage {
  notifications: Notification[];
  next_cursor: string | null;
  stats: Stats;
}

export function alertmanagerAddress(path: string, query: Record<string, QueryValue> = {}): string {
  return address(path, query, ALERTMANAGER_PREFIX);
}

/** Alerting rules with their alerts; of one name, or all. */
export function rulesAddress(name?: string): string {
  return prometheusAddress("/rules", { type: "alert", "rule_name[]": name });
}

export async function putSilence(silence: PostedSilence): Promise<string> {
  return (await send<{ silenceID: string }>("POST", alertmanagerAddress("/silences"), silence)).silenceID;
}

export async function expireSilence(id: string): Promise<void> {
  await send("DELETE", alertmanagerAddress(`/silence/${id}`));
}

/** @param by who takes care; "" is whoever is signed in */
export async function acknowledge(fingerprint: string, comment: string, by: string): Promise<void> {
  await send("POST", address(`/alerts/${fingerprint}/acknowledge`), { comment, by });
}

export async function withdrawAcknowledgement(fingerprint: string): Promise<void> {
  await send("DELETE", address(`/alerts/${fingerprint}/acknowledge`));
}

/** The alerts for which there is a page at /runbooks. */
export interface RunbookNames {
  runbooks: string[];
}
