/** A value of an unknown unit: four digits that count, SI letters for what is large, exponents for what is tiny. */
export function formatMetric(value: number, digits = 4): string {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-4) return value.toExponential(2);
  for (const [letter, unit] of UNITS) {
    if (size >= unit) return `${trim((value / unit).toPrecision(digits))}${letter}`;
  }
  return trim(value.toPrecision(digits));
}

/** A tick of an axis: with as many digits as tell it from its neighbours. */
export function formatMetricTick(value: number, apart: number): string {
  const digits = value === 0 || apart === 0 ? 4 : Math.floor(Math.log10(Math.abs(value) / apart) + 1e-9) + 2;
  return formatMetric(value, Math.min(Math.max(digits, 4), 15));
}

const UNITS: readonly [string, number][] = [
  ["P", 1e15],
  ["T", 1e12],
  ["G", 1e9],
  ["M", 1e6],
  ["k", 1e3],
];

function trim(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}
