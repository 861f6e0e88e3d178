/** Query strings as values: what changes is named, the rest stays, and people can read it. */

export type Updates = Record<string, string | readonly string[] | null | undefined>;

/** What every page understands; links between pages carry these along. */
export const SHARED_PARAMETERS = ["start", "end", "tz", "refresh"] as const;

export function updateSearch(search: string, updates: Updates): string {
  const parameters = new URLSearchParams(search);
  for (const [key, value] of Object.entries(updates)) {
    parameters.delete(key);
    if (value === null || value === undefined || value === "") continue;
    if (typeof value === "string") parameters.set(key, value);
    else for (const item of value) parameters.append(key, item);
  }
  return readable(parameters);
}

/** As URLSearchParams writes it, but with the characters left alone that a query may hold and that people like to read. */
function readable(parameters: URLSearchParams): string {
  return parameters.toString().replaceAll("%3A", ":").replaceAll("%2F", "/").replaceAll("%2C", ",");
}

/** A link from the page with this query string to another, which keeps what every page understands. */
export function linkFrom(search: string, path: string, updates: Updates = {}): string {
  const here = new URLSearchParams(search);
  const kept = new URLSearchParams();
  for (const key of SHARED_PARAMETERS) {
    const value = here.get(key);
    if (value !== null) kept.set(key, value);
  }
  const text = updateSearch(kept.toString(), updates);
  return text ? `${path}?${text}` : path;
}
