/** Where the pages about alerts lead: to one alert, to a silence for it, to its runbook. */
import type { LabelSet } from "../../api/prometheus";
import { pageLink } from "../../router/query";
import { fingerprintOf } from "./fingerprint";
import { isAddress } from "./linked-text";
import { type Matcher, matchersOf, printMatcher } from "./matcher";

/** The labels stand in the address, so that the page can tell of an alert that is over. */
export function alertLink(labels: LabelSet, fingerprint = fingerprintOf(labels)): string {
  return pageLink(`/alerts/${fingerprint}`, { matcher: matchersOf(labels).map(printMatcher) });
}

export function silenceLink(matchers: readonly Matcher[]): string {
  return pageLink("/alerts/silences/new", { matcher: matchers.map(printMatcher) });
}

/** The rule's own runbook, else the page that Sonde has under the alert's name; "" where there is none. */
export function runbookLink(name: string, annotations: LabelSet, runbooks: readonly string[]): string {
  const own = annotations.runbook_url ?? annotations.runbook ?? "";
  if (isAddress(own)) return own;
  return runbooks.includes(name) ? `/runbooks/${encodeURIComponent(name)}` : "";
}
