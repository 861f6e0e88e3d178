/** What is done without anybody asking for it, as the server tells it: responses, watchdogs, the weekly digest. */
import { address } from "./client";
import type { LabelSet } from "./prometheus";

export type Outcome = "begun" | "ok" | "failed" | "timed out" | "refused" | "limited" | "stopped" | "in doubt";

export interface ResponseRun {
  id: string;
  fingerprint: string;
  labels: LabelSet;
  /** RFC 3339, as all times here; null is "never", or "not yet". */
  fires_since: string | null;
  begun_at: string | null;
  ended_at: string | null;
  outcome: Outcome;
  detail: string;
  output: string;
  /** Only the end of the output is here. */
  output_is_cut: boolean;
}

/** Where a URL leads, which is a secret otherwise. */
export interface UrlTarget {
  host: string | null;
  /** Why there is no host. */
  problem: string;
}

export interface AutomatedResponse {
  name: string;
  matchers: string[];
  /** The program and its arguments, or null for a webhook. */
  command: string[] | null;
  webhook: UrlTarget | null;
  timeout_seconds: number;
  at_most: { runs: number; window_seconds: number };
  /** All runs that are remembered. */
  run_count: number;
  /** The newest of them, newest first. */
  runs: ResponseRun[];
}

export interface Responses {
  responses: AutomatedResponse[];
}

export interface Ping extends UrlTarget {
  name: string;
  method: "GET" | "POST";
  every_seconds: number;
  /** `held`: not called, because Sonde itself does not work; `late`: nobody knows why nothing has arrived. */
  state: "fine" | "waiting" | "held" | "failing" | "late";
  last_attempt_at: string | null;
  last_arrival_at: string | null;
  error: string;
}

export interface Expectation {
  name: string;
  /** Of alerts that count as having come; without any, only a heartbeat does. */
  matchers: string[];
  within_seconds: number;
  receivers: string[];
  /** Of the alert that fires while it is missing. */
  alert_labels: LabelSet;
  state: "fine" | "waiting" | "missing";
  last_came_at: string | null;
  missing_since: string | null;
  /** When it will be missing. */
  due_at: string | null;
}

export interface Watchdogs {
  pings: Ping[];
  expectations: Expectation[];
}

export interface DigestSchedule {
  at: string;
  time_zone: string;
  next_at: string;
  receivers: string[];
  last: {
    occasion_at: string;
    sent: { receiver: string; integration: string; at: string; error: string; is_retried: boolean }[];
  } | null;
}

/** The digest as it would be sent now. */
export interface Digest {
  title: string;
  text: string;
}

/** How many runs of a response are asked for. */
export const RUNS = 20;
export const RESPONSES = address("/responses", { limit: RUNS });
export const WATCHDOGS = address("/watchdogs");
export const DIGEST_SCHEDULE = address("/digest/schedule");
export const DIGEST = address("/digest");
