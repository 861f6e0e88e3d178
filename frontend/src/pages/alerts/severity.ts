/** Severities: the words that rules use for them, how grave each is, and the tone in which it is shown. */
import type { LabelSet } from "../../api/prometheus";

export type Tone = "critical" | "warning" | "info" | "none";

const TONES: Record<string, Tone> = {
  emergency: "critical",
  critical: "critical",
  crit: "critical",
  fatal: "critical",
  page: "critical",
  high: "critical",
  p1: "critical",
  error: "critical",
  warning: "warning",
  warn: "warning",
  medium: "warning",
  ticket: "warning",
  p2: "warning",
  info: "info",
  information: "info",
  notice: "info",
  low: "info",
  p3: "info",
  none: "none",
};

const ORDER: readonly Tone[] = ["critical", "warning", "info", "none"];

/** The rule's own word for it, "" if it has none. */
export function severityOf(labels: LabelSet): string {
  return labels.severity ?? "";
}

/** A word that nobody knows is shown as a warning: it was written to be seen. */
export function toneOf(severity: string): Tone {
  return severity === "" ? "none" : (TONES[severity.toLowerCase()] ?? "warning");
}

/** 0 is the gravest. */
export function gravity(severity: string): number {
  return ORDER.indexOf(toneOf(severity));
}

export function bySeverity(a: string, b: string): number {
  return gravity(a) - gravity(b) || (a < b ? -1 : a > b ? 1 : 0);
}
