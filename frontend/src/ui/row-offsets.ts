/** Where rows of unequal height begin: `offsets[i]` is the top of row i, the last entry the height of all. */

/** The last index whose offset is not below `position`. */
export function indexAt(offsets: Float64Array, position: number): number {
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((offsets[middle] as number) <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}
