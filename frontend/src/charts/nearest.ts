/** Which series a tooltip tells, where there are more than it has room for. */

interface Pointed {
  name: string;
  value: number;
  isNearest?: boolean;
}

/** Those that fit into the tooltip are the ones at the pointer, the greatest above; the nearest is marked. */
export function nearestFirst<Row extends Pointed>(rows: readonly Row[], pointed: number, room: number): Row[] {
  const byDistance = [...rows].sort((a, b) => Math.abs(a.value - pointed) - Math.abs(b.value - pointed));
  const shown = byDistance.slice(0, room).map((row, index) => ({ ...row, isNearest: index === 0 && rows.length > 1 }));
  return [...shown.sort((a, b) => b.value - a.value), ...byDistance.slice(room)];
}
