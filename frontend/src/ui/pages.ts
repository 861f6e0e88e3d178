/** All pages that one can go to by name, for navigation and palette. */
import type { IconName } from "./icon";

export interface PageEntry {
  path: string;
  label: string;
  icon: IconName;
  /** Pages that belong to this one; the navigation shows it as theirs. */
  within?: readonly SubPage[];
}

export interface SubPage {
  path: string;
  /** By itself: in the palette. */
  label: string;
  /** Among its siblings. */
  short: string;
}

export const METRIC_PAGES: readonly SubPage[] = [
  { path: "/metrics-explorer", label: "Metrics", short: "Explorer" },
  { path: "/cardinality", label: "Cardinality of metrics", short: "Cardinality" },
  { path: "/targets", label: "Scrape targets", short: "Targets" },
];

/** Pages about alerts: what fires, who is told, and the rules and promises behind it. */
export const ALERT_PAGES: readonly SubPage[] = [
  { path: "/alerts", label: "Alerts", short: "Now" },
  { path: "/alerts/history", label: "Alert history", short: "History" },
  { path: "/alerts/silences", label: "Silences", short: "Silences" },
  { path: "/alerts/notifications", label: "Notifications", short: "Notifications" },
  { path: "/alerts/routes", label: "Alert routes", short: "Routes" },
  { path: "/alerts/on-call", label: "On call", short: "On call" },
  { path: "/alerts/automation", label: "Automation", short: "Automation" },
  { path: "/rules", label: "Rules", short: "Rules" },
  { path: "/slos", label: "Service level objectives", short: "SLOs" },
];

export const PAGES: readonly PageEntry[] = [
  { path: "/", label: "Overview", icon: "overview" },
  { path: "/traces", label: "Traces", icon: "traces" },
  { path: "/logs", label: "Logs", icon: "logs" },
  { path: "/metrics-explorer", label: "Metrics", icon: "metrics", within: METRIC_PAGES },
  { path: "/alerts", label: "Alerts", icon: "bell", within: ALERT_PAGES },
  { path: "/llm", label: "LLM calls", icon: "llm" },
];

/** Every page by itself. */
export const EACH_PAGE: readonly { path: string; label: string }[] = PAGES.flatMap(
  (page): readonly { path: string; label: string }[] => page.within ?? [page],
);

/** Whether the page at this address is this entry's, or lies below it. */
export function isWithin({ path: target, within = [] }: PageEntry, path: string): boolean {
  if (target === "/") return path === "/";
  return [target, ...within.map((page) => page.path)].some((own) => path === own || path.startsWith(`${own}/`));
}
