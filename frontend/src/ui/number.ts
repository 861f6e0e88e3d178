/** Counts, rates, shares, money and sizes as text. Few digits, and never "0" for what is merely small or unknown. */

const COMPACT = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const WHOLE = new Intl.NumberFormat("en");

/** 1,234 below ten thousand, then 12.3K, 4.56M. */
export function formatCount(value: number): string {
  return Math.abs(value) < 10_000 ? WHOLE.format(Math.round(value)) : COMPACT.format(value);
}

export function formatWhole(value: number): string {
  return WHOLE.format(value);
}

/** Per second; per minute where a second is too short to see anything. */
export function formatRate(perSecond: number): string {
  if (perSecond === 0) return "0/s";
  if (perSecond < 0.1) return `${significant(perSecond * 60)}/min`;
  return `${significant(perSecond)}/s`;
}

export function formatShare(share: number): string {
  if (share === 0) return "0%";
  const percent = share * 100;
  if (percent < 0.01) return "<0.01%";
  return `${percent >= 99.95 ? percent.toFixed(0) : percent >= 9.995 ? percent.toFixed(1) : percent.toFixed(2)}%`;
}

/** US dollars; null is unpriced, which is not free. */
export function formatCost(usd: number | null): string {
  if (usd === null) return "unpriced";
  if (usd === 0) return "$0";
  if (usd < 0.0001) return "<$0.0001";
  if (usd < 1) return `$${usd.toFixed(4)}`;
  if (usd < 1000) return `$${usd.toFixed(2)}`;
  return `$${COMPACT.format(usd)}`;
}

/** Dollars with every digit that tells something: for the page about one call. */
export function formatExactCost(usd: number | null): string {
  if (usd === null || usd === 0 || usd >= 1) return formatCost(usd);
  const digits = Math.min(12, Math.max(4, 2 - Math.floor(Math.log10(usd))));
  return `$${usd.toFixed(digits)}`;
}

const SIZES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function formatBytes(size: number): string {
  let value = size;
  let unit = 0;
  while (value >= 1024 && unit < SIZES.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${value} B` : `${significant(value)} ${SIZES[unit]}`;
}

function significant(value: number): string {
  if (value >= 9999.5) return COMPACT.format(value);
  if (value >= 99.95) return WHOLE.format(Math.round(value));
  return value >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
