/** Targets by pool, and those of them that a filter leaves. */
import { type ActiveTarget, type DroppedTarget, type LabelSet, seriesText } from "../../api/prometheus";

export type Health = ActiveTarget["health"];

export const HEALTHS: readonly Health[] = ["down", "unknown", "up"];

export interface TargetFilters {
  text: string;
  health: Health | "";
  pool: string;
}

export interface Pool {
  name: string;
  /** All of the pool, whatever the filter. */
  counts: Record<Health, number>;
  targets: ActiveTarget[];
  dropped: DroppedTarget[];
  /** May be more than are told. */
  droppedCount: number;
}

export function readTargetFilters(query: URLSearchParams): TargetFilters {
  const health = query.get("health") as Health | null;
  return {
    text: query.get("search") ?? "",
    health: health && HEALTHS.includes(health) ? health : "",
    pool: query.get("pool") ?? "",
  };
}

export function isFiltered({ text, health, pool }: TargetFilters): boolean {
  return text !== "" || health !== "" || pool !== "";
}

export function countHealth(targets: readonly ActiveTarget[]): Record<Health, number> {
  const counts = { up: 0, down: 0, unknown: 0 };
  for (const { health } of targets) counts[health] += 1;
  return counts;
}

/** Every pool that the filter asks for; pools in which something is down come first. */
export function toPools(
  names: readonly string[],
  active: readonly ActiveTarget[],
  dropped: readonly DroppedTarget[],
  droppedCounts: Readonly<Record<string, number>>,
  filters: TargetFilters,
): Pool[] {
  const all = new Set([...names, ...active.map((target) => target.scrapePool), ...Object.keys(droppedCounts)]);
  return [...all]
    .filter((name) => filters.pool === "" || name === filters.pool)
    .map((name) => {
      const own = active.filter(({ scrapePool }) => scrapePool === name);
      const gone = dropped.filter(({ scrapePool }) => scrapePool === name);
      return {
        name,
        counts: countHealth(own),
        targets: own.filter((target) => matches(target, filters)).sort(byHealth),
        dropped: filters.health === "" ? gone.filter((target) => mentions(target.discoveredLabels, filters.text)) : [],
        droppedCount: droppedCounts[name] ?? gone.length,
      };
    })
    .filter(({ targets, dropped: gone }) => targets.length > 0 || gone.length > 0 || !isFiltered(filters))
    .sort((a, b) => b.counts.down - a.counts.down || (a.name < b.name ? -1 : 1));
}

function matches(target: ActiveTarget, { text, health }: TargetFilters): boolean {
  if (health !== "" && target.health !== health) return false;
  const { scrapeUrl, labels, lastError } = target;
  return containsAll(`${scrapeUrl} ${seriesText(labels)} ${lastError}`, text);
}

function mentions(labels: LabelSet, text: string): boolean {
  return containsAll(seriesText(labels), text);
}

function containsAll(searched: string, text: string): boolean {
  const lower = searched.toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}

function byHealth(a: ActiveTarget, b: ActiveTarget): number {
  return HEALTHS.indexOf(a.health) - HEALTHS.indexOf(b.health) || (a.scrapeUrl < b.scrapeUrl ? -1 : 1);
}

/** Unix seconds of the last scrape; null before the first, which Prometheus writes as the year 1. */
export function lastScrapeSeconds({ lastScrape }: ActiveTarget): number | null {
  const millis = Date.parse(lastScrape);
  return Number.isNaN(millis) || millis <= 0 ? null : millis / 1000;
}

/** What the target itself says whether it answers. */
export function upQuery({ labels }: ActiveTarget): string {
  const named = Object.fromEntries(["job", "instance"].flatMap((name) => (labels[name] ? [[name, labels[name]]] : [])));
  return seriesText({ __name__: "up", ...named });
}
