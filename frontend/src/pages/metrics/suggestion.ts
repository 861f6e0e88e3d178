/** The first question that one asks of a metric. */

/** A name that needs no quotes in PromQL. */
const PLAIN = /^[A-Za-z_:][A-Za-z0-9_:]*$/;

export function selector(name: string): string {
  return PLAIN.test(name) ? name : `{${JSON.stringify(name)}}`;
}

export function suggestion(name: string, type: string): string {
  const chosen = selector(name);
  const ranged = `rate(${chosen}[5m])`;
  if (name.endsWith("_bucket")) return `histogram_quantile(0.95, sum by (le) (${ranged}))`;
  if (type === "histogram" && !/_(sum|count)$/.test(name)) return `histogram_quantile(0.95, sum(${ranged}))`;
  if (type === "counter" || /_(total|sum|count)$/.test(name)) return ranged;
  return chosen;
}
