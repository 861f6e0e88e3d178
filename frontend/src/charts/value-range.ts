/** The part of the value axis that a chart shows. */

/** From zero, unless lines go below it, or are far from it and asked to fit. */
export function valueRange(min: number, max: number, fitted: boolean): [number, number] {
  if (fitted && min > 0 && max - min < max / 4) {
    const room = (max - min) * 0.1 || max * 0.05;
    return [min - room, max + room];
  }
  if (!(min < 0)) return [0, max > 0 ? max * 1.08 : 1];
  const room = (Math.max(max, 0) - min) * 0.08;
  return [min - room, Math.max(max, 0) + room];
}
