/** Colours that mean something: a service, model or user keeps its own on every page; red stays for errors. */
import { currentTheme } from "./theme";

/** Hues in degrees of OKLCH, neighbours far apart; the reds are left out. */
const HUES = [252, 155, 310, 75, 205, 340, 125, 280, 55, 180] as const;
const SLOTS = HUES.length * 2;
const STORED = "sonde.colours";
const KEPT = 400;

/** FNV-1a: the same name gives the same slot in every browser. */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index++) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** The name's own slot, or the next free one while there are free ones. */
export function assignSlot(name: string, taken: ReadonlySet<number>): number {
  const own = hashName(name) % SLOTS;
  for (let step = 0; step < SLOTS; step++) {
    const slot = (own + step) % SLOTS;
    if (!taken.has(slot)) return slot;
  }
  return own;
}

const slots = readStored();

function readStored(): Map<string, number> {
  try {
    const entries = JSON.parse(localStorage.getItem(STORED) ?? "[]") as [string, number][];
    return new Map(entries);
  } catch {
    return new Map();
  }
}

function slotOf(name: string): number {
  const known = slots.get(name);
  if (known !== undefined) return known;
  const slot = assignSlot(name, new Set(slots.values()));
  slots.set(name, slot);
  if (slots.size <= KEPT) {
    try {
      localStorage.setItem(STORED, JSON.stringify([...slots]));
    } catch {
      // Storage is blocked or full: the colours hold for this visit.
    }
  }
  return slot;
}

/** The colour of a name, as CSS; `alpha` below 1 for areas behind text. */
export function colourOf(name: string, alpha = 1): string {
  const slot = slotOf(name);
  const hue = HUES[slot % HUES.length];
  const second = slot >= HUES.length;
  const dark = currentTheme() === "dark";
  const lightness = dark ? (second ? 0.63 : 0.76) : second ? 0.7 : 0.56;
  const chroma = second ? 0.09 : 0.13;
  return `oklch(${lightness} ${chroma} ${hue} / ${alpha})`;
}

/** A colour of the style sheet, for canvases and charts. */
export function cssColour(variable: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
}
