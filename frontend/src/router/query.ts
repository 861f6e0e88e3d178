/** The query string of the page: read as parameters, changed by naming only what changes. */
import { useMemo } from "preact/hooks";
import { currentLocation, navigate, useLocation } from "./location";

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
export function readable(parameters: URLSearchParams): string {
  return parameters.toString().replaceAll("%3A", ":").replaceAll("%2F", "/").replaceAll("%2C", ",");
}

/** A link to another page of the UI which keeps time range, zone and refresh of this one. */
export function pageLink(path: string, updates: Updates = {}, search = currentLocation().search): string {
  const here = new URLSearchParams(search);
  const kept = new URLSearchParams();
  for (const key of SHARED_PARAMETERS) {
    const value = here.get(key);
    if (value !== null) kept.set(key, value);
  }
  const text = updateSearch(kept.toString(), updates);
  return text ? `${path}?${text}` : path;
}

export function setQuery(updates: Updates, options: { replace?: boolean } = {}): void {
  const { path, search } = currentLocation();
  const text = updateSearch(search, updates);
  navigate(text ? `${path}?${text}` : path, { ...options, keepScroll: true });
}

export function useQuery(): URLSearchParams {
  const { search } = useLocation();
  return useMemo(() => new URLSearchParams(search), [search]);
}
