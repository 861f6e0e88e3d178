/** Durations for people, and the Go-style durations that the API takes ("1m30s", "250ms"). */

const UNITS: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9, d: 86400e9 };

/** Three significant digits and the unit that suits: 812 ns, 45.2 ms, 1.20 s, 3m 04s, 2h 05m. */
export function formatDuration(nano: number): string {
  if (!Number.isFinite(nano)) return "–";
  const size = Math.abs(nano);
  if (size < 1e3) return `${Math.round(nano)} ns`;
  if (size < 999_500) return `${digits(nano / 1e3)} µs`;
  if (size < 999_500_000) return `${digits(nano / 1e6)} ms`;
  if (size < 59_950_000_000) return `${digits(nano / 1e9)} s`;
  const seconds = Math.round(nano / 1e9);
  const two = (value: number) => String(value).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}h ${two(Math.floor((seconds % 3600) / 60))}m`;
  return `${Math.floor(seconds / 86400)}d ${two(Math.floor((seconds % 86400) / 3600))}h`;
}

export function formatSeconds(seconds: number | null): string {
  return seconds === null ? "–" : formatDuration(seconds * 1e9);
}

function digits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

/** Nanoseconds, or null where the text is no duration. */
export function parseDuration(text: string): number | null {
  const compact = text.trim().replace(/\s+/g, "");
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h|d))+$/.test(compact)) return null;
  let total = 0;
  for (const [, amount = "", unit = ""] of compact.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/g)) {
    total += Number(amount) * (UNITS[unit] ?? 0);
  }
  return total;
}
