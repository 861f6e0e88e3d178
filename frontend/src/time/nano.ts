/** Moments as the API gives them: decimal strings of Unix nanoseconds, which do not fit a JavaScript number. */

export function nanoToSeconds(nano: string): number {
  return Number(nano) / 1e9;
}

/** `b - a` in nanoseconds; exact, because only the difference becomes a number. */
export function nanoBetween(a: string, b: string): number {
  return Number(BigInt(b) - BigInt(a));
}

/** The nine digits below the second. */
export function nanoFraction(nano: string): string {
  return nano.padStart(10, "0").slice(-9);
}
