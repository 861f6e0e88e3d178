/** The query string of the page: read as parameters, changed by naming only what changes. */
import { useMemo } from "preact/hooks";
import { currentLocation, navigate, useLocation } from "./location";
import { linkFrom, type Updates, updateSearch } from "./search";

/** A link to another page of the UI which keeps time range, zone and refresh of this one. */
export function pageLink(path: string, updates: Updates = {}, search = currentLocation().search): string {
  return linkFrom(search, path, updates);
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
