/** UTC or local time: stands in the address where a link says so, else what this person chose last. */
import { setQuery, useQuery } from "../router/query";

export type Zone = "utc" | "local";

const STORED = "sonde.tz";

export function preferredZone(): Zone {
  try {
    return localStorage.getItem(STORED) === "utc" ? "utc" : "local";
  } catch {
    return "local";
  }
}

export function useZone(): Zone {
  const zone = useQuery().get("tz");
  return zone === "utc" || zone === "local" ? zone : preferredZone();
}

export function chooseZone(zone: Zone): void {
  try {
    localStorage.setItem(STORED, zone);
  } catch {
    // Storage is blocked: the address still carries the choice.
  }
  setQuery({ tz: zone }, { replace: true });
}
