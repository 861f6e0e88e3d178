/** Colours that mean something: a service, model or user keeps its own on every page; red stays for errors. */
import { assignSlot } from "./colour-slot";
import { currentTheme } from "./theme";

/** Lightness, chroma and hue in OKLCH on white; neighbours are far apart, and there are no reds. */
const PALETTE: readonly (readonly [number, number, number])[] = [
  [0.58, 0.15, 255],
  [0.62, 0.14, 150],
  [0.56, 0.16, 300],
  [0.74, 0.14, 75],
  [0.66, 0.11, 215],
  [0.64, 0.15, 350],
  [0.7, 0.15, 125],
  [0.48, 0.15, 275],
  [0.55, 0.09, 185],
  [0.69, 0.14, 52],
  [0.72, 0.12, 325],
  [0.77, 0.1, 235],
  [0.55, 0.04, 250],
  [0.5, 0.08, 62],
  [0.45, 0.09, 155],
  [0.43, 0.11, 320],
];
/** The clear ones; the dull ones at the end are for those who run many services. */
const PREFERRED = 12;
const STORED = "sonde.colours";
/** Names kept in the browser, per kind. */
const KEPT = 200;

/** What the name is of: each kind has all colours to itself. */
export type ColourKind = "service" | "model" | "function" | "user" | "provider";

type Assigned = Partial<Record<ColourKind, Record<string, number>>>;

const assigned = readStored();

function readStored(): Assigned {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? "{}") as Assigned;
  } catch {
    return {};
  }
}

function slotOf(name: string, kind: ColourKind): number {
  const names = assigned[kind] ?? {};
  assigned[kind] = names;
  const known = names[name];
  if (known !== undefined) return known % PALETTE.length;
  const slot = assignSlot(name, new Set(Object.values(names)), PALETTE.length, PREFERRED);
  names[name] = slot;
  if (Object.keys(names).length <= KEPT) {
    try {
      localStorage.setItem(STORED, JSON.stringify(assigned));
    } catch {
      // Storage is blocked or full: the colours hold for this visit.
    }
  }
  return slot;
}

/** The colour of a name, as CSS; `alpha` below 1 for points that may lie on each other. */
export function colourOf(name: string, kind: ColourKind = "service", alpha = 1): string {
  return toCss(slotOf(name, kind), alpha);
}

/** Colours for the series of one chart: their own, but never the same twice. */
export function distinctColours(names: readonly string[], kind: ColourKind): Map<string, string> {
  const taken = new Set<number>();
  const colours = new Map<string, string>();
  for (const name of names) {
    const own = slotOf(name, kind);
    const slot = taken.has(own) ? assignSlot(name, taken, PALETTE.length, PREFERRED) : own;
    taken.add(slot);
    colours.set(name, toCss(slot, 1));
  }
  return colours;
}

/** Colours by place, for series that have no meaning beyond their chart. */
export function paletteColour(index: number): string {
  return toCss(index % PALETTE.length, 1);
}

function toCss(slot: number, alpha: number): string {
  const [lightness, chroma, hue] = PALETTE[slot] as readonly [number, number, number];
  // On black the same colours are lighter and lie closer together.
  const shown = currentTheme() === "dark" ? 0.64 + (lightness - 0.43) * 0.6 : lightness;
  return `oklch(${shown} ${chroma} ${hue} / ${alpha})`;
}

/** A colour of the style sheet, for canvases and charts. */
export function cssColour(variable: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
}
