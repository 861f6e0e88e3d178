/** Which of a palette's slots a name gets: decided by the name alone, moved on only where two would share one. */

/** FNV-1a: the same name gives the same slot in every browser. */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/**
 * The name's own slot, or the next free one while there are free ones.
 *
 * @param preferred the first slots of the palette; the others are for when these are taken
 */
export function assignSlot(name: string, taken: ReadonlySet<number>, slots: number, preferred: number): number {
  const own = hashName(name) % preferred;
  for (let step = 0; step < preferred; step++) {
    const slot = (own + step) % preferred;
    if (!taken.has(slot)) return slot;
  }
  for (let slot = preferred; slot < slots; slot++) if (!taken.has(slot)) return slot;
  return own;
}
