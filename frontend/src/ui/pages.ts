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

export const PAGES: readonly PageEntry[] = [
  { path: "/", label: "Overview", icon: "overview" },
  { path: "/traces", label: "Traces", icon: "traces" },
  { path: "/logs", label: "Logs", icon: "logs" },
  { path: "/metrics-explorer", label: "Metrics", icon: "metrics", within: METRIC_PAGES },
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
