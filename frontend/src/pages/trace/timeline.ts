/** The horizontal scale of the waterfall: which stretch of the trace is in sight, and round ticks for it. */

export interface Stretch {
  fromNano: number;
  toNano: number;
}

export function parseStretch(text: string | null, durationNano: number): Stretch {
  const match = /^(\d+)-(\d+)$/.exec(text ?? "");
  const fromNano = Number(match?.[1]);
  const toNano = Number(match?.[2]);
  if (!match || fromNano >= toNano || fromNano >= durationNano) return { fromNano: 0, toNano: durationNano };
  return { fromNano, toNano: Math.min(toNano, durationNano) };
}

/** The stretch as it stands in the address; null for the whole trace. */
export function printStretch({ fromNano, toNano }: Stretch, durationNano: number): string | null {
  const from = Math.max(0, Math.round(fromNano));
  const to = Math.min(durationNano, Math.round(toNano));
  return from <= 0 && to >= durationNano ? null : `${from}-${to}`;
}

/** Round moments, at most `count` of them, between the ends of a stretch. */
export function ticks({ fromNano, toNano }: Stretch, count: number): number[] {
  const least = (toNano - fromNano) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= least) ?? 10) * power;
  const result = [];
  for (let tick = Math.ceil(fromNano / step) * step; tick <= toNano; tick += step) result.push(tick);
  return result;
}
