/** Stacking for charts: each series on top of those before it. */

export function stack(series: readonly (readonly (number | null)[])[], length: number): number[][] {
  const total = new Array<number>(length).fill(0);
  return series.map((values) => {
    for (let index = 0; index < length; index++) total[index] = (total[index] as number) + (values[index] ?? 0);
    return [...total];
  });
}

/** The first `keep` series by their sum, the rest as one: a chart of forty models is a chart of none. */
export function topSeries<S extends { name: string; values: readonly (number | null)[] }>(
  series: readonly S[],
  keep: number,
  rest: (name: string, values: number[]) => S,
): S[] {
  const sum = (values: readonly (number | null)[]) => values.reduce<number>((total, value) => total + (value ?? 0), 0);
  const sorted = [...series].sort((a, b) => sum(b.values) - sum(a.values));
  if (sorted.length <= keep + 1) return sorted;
  const others = sorted.slice(keep);
  const values: number[] = [];
  for (const { values: part } of others) {
    part.forEach((value, index) => {
      values[index] = (values[index] ?? 0) + (value ?? 0);
    });
  }
  return [...sorted.slice(0, keep), rest(`${others.length} others`, values)];
}

/** Where no series has a value a stack has a gap, and is not zero. */
export function clearWhereAllAreGone(
  drawn: (number | null)[][],
  values: readonly (readonly (number | null)[])[],
): void {
  for (let index = 0; index < (drawn[0]?.length ?? 0); index++) {
    if (values.some((own) => (own[index] ?? null) !== null)) continue;
    for (const stacked of drawn) stacked[index] = null;
  }
}
