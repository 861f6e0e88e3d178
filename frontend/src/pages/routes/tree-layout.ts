/** Where the routes of a tree stand: beside each other by depth where there is room, below each other where there is not. */
import type { RouteNode } from "../../api/rules";
import { shortDuration } from "../rules/rule-list";
import { kindsText } from "./kind";

export interface PlacedLine {
  text: string;
  kind: "matcher" | "receiver" | "plain" | "warn";
}

export interface PlacedRoute {
  route: RouteNode;
  depth: number;
  /** Index of the parent; -1 for the root. */
  parent: number;
  x: number;
  y: number;
  width: number;
  height: number;
  lines: PlacedLine[];
  /** All that stands on it, and what does not fit, for those who do not see it. */
  label: string;
}

export interface PlacedTree {
  /** In the order in which alerts are offered to them. */
  routes: PlacedRoute[];
  width: number;
  height: number;
  isNarrow: boolean;
}

const NODE_WIDTH = 236;
const LEAST_WIDTH = 176;
const COLUMN_GAP = 44;
const ROW_GAP = 14;
const INDENT = 18;
export const LINE_HEIGHT = 17;
export const PADDING = 9;
const MOST_MATCHERS = 3;
/** Below this width of the panel, depth is indentation. */
const NARROW = 720;

export function layOut(root: RouteNode, kinds: ReadonlyMap<string, readonly string[]>, available: number): PlacedTree {
  const routes: PlacedRoute[] = [];
  const depth = depthOf(root);
  const fitting = Math.floor((available - depth * COLUMN_GAP) / (depth + 1));
  const isNarrow = available < NARROW;
  const width = Math.max(LEAST_WIDTH, Math.min(NODE_WIDTH + 60, fitting));
  const place = (route: RouteNode, level: number, parent: number): void => {
    const lines = linesOf(route, kinds.get(route.receiver) ?? [], parent === -1);
    routes.push({
      route,
      depth: level,
      parent,
      x: isNarrow ? level * INDENT : level * (width + COLUMN_GAP),
      y: 0,
      width: isNarrow ? Math.max(LEAST_WIDTH, available - level * INDENT) : width,
      height: lines.length * LINE_HEIGHT + 2 * PADDING - 3,
      lines,
      label: labelOf(route, kinds.get(route.receiver) ?? [], parent === -1),
    });
    const own = routes.length - 1;
    for (const child of route.routes) place(child, level + 1, own);
  };
  place(root, 0, -1);
  const height = isNarrow ? stack(routes) : spread(routes);
  return { routes, width: Math.max(...routes.map(({ x, width: own }) => x + own)), height, isNarrow };
}

function depthOf({ routes }: RouteNode): number {
  return routes.length === 0 ? 0 : 1 + Math.max(...routes.map(depthOf));
}

function stack(routes: PlacedRoute[]): number {
  let y = 0;
  for (const placed of routes) {
    placed.y = y;
    y += placed.height + ROW_GAP;
  }
  return y - ROW_GAP;
}

/** Leaves below each other, each other route beside the middle of its own; none overlaps another of its column. */
function spread(routes: PlacedRoute[]): number {
  const children = routes.map((): number[] => []);
  routes.forEach(({ parent }, index) => {
    if (parent >= 0) children[parent]?.push(index);
  });
  /** Per depth, where the next may begin. */
  const free: number[] = [];
  const put = (index: number): void => {
    const placed = routes[index] as PlacedRoute;
    const own = children[index] as number[];
    const least = free[placed.depth] ?? 0;
    if (own.length === 0) {
      placed.y = least;
    } else {
      // A tall parent needs its children to begin so low that it does not reach up over its neighbour.
      const below = placed.depth + 1;
      const total = own.reduce((sum, child) => sum + (routes[child] as PlacedRoute).height + ROW_GAP, -ROW_GAP);
      free[below] = Math.max(free[below] ?? 0, least + Math.max(0, (placed.height - total) / 2));
      for (const child of own) put(child);
      const first = routes[own[0] as number] as PlacedRoute;
      const last = routes[own[own.length - 1] as number] as PlacedRoute;
      placed.y = Math.max(least, (first.y + last.y + last.height - placed.height) / 2);
    }
    free[placed.depth] = placed.y + placed.height + ROW_GAP;
  };
  put(0);
  return Math.max(...routes.map(({ y, height }) => y + height));
}

function linesOf(route: RouteNode, kinds: readonly string[], isRoot: boolean): PlacedLine[] {
  const shown = route.matchers.slice(0, route.matchers.length > MOST_MATCHERS ? MOST_MATCHERS - 1 : MOST_MATCHERS);
  const lines: PlacedLine[] = shown.map((text) => ({ text, kind: "matcher" }));
  if (route.matchers.length > shown.length) {
    lines.push({ text: `and ${route.matchers.length - shown.length} more`, kind: "plain" });
  }
  if (route.matchers.length === 0)
    lines.push({ text: isRoot ? "every alert" : "every alert of its parent", kind: "plain" });
  lines.push({ text: `→ ${route.receiver}`, kind: "receiver" });
  lines.push({ text: kindsText(kinds), kind: "plain" });
  lines.push({ text: groupText(route), kind: "plain" });
  if (route.muted_by.length > 0) lines.push({ text: `muted now: ${route.muted_by.join(", ")}`, kind: "warn" });
  if (route.continue) lines.push({ text: "continues to the next", kind: "plain" });
  return lines;
}

export function groupText({ group_by: names }: { group_by: readonly string[] }): string {
  if (names.length === 0) return "all in one group";
  return names[0] === "..." ? "each alert by itself" : `by ${names.join(", ")}`;
}

/** How long a group waits: for others, before changes are told, before it is told again. */
export function timingText(route: {
  group_wait_seconds: number;
  group_interval_seconds: number;
  repeat_interval_seconds: number;
}): string {
  const [wait, interval, repeat] = [
    route.group_wait_seconds,
    route.group_interval_seconds,
    route.repeat_interval_seconds,
  ].map(shortDuration);
  return `waits ${wait}, tells changes every ${interval}, repeats after ${repeat}`;
}

function labelOf(route: RouteNode, kinds: readonly string[], isRoot: boolean): string {
  const what =
    route.matchers.length > 0 ? route.matchers.join(", ") : isRoot ? "Every alert" : "Every alert of its parent";
  const parts = [`${what}: to ${route.receiver}`, kindsText(kinds), groupText(route), timingText(route)];
  if (route.firing > 0) parts.push(`${route.firing} firing`);
  if (route.muted_by.length > 0) parts.push(`muted now by ${route.muted_by.join(", ")}`);
  if (route.continue) parts.push("continues to the next");
  return parts.join("; ");
}

/** From the middle of a parent's right side to that of a child's left side; in narrow trees, along the left. */
export function edge(parent: PlacedRoute, child: PlacedRoute, isNarrow: boolean): string {
  if (isNarrow) {
    const x = parent.x + INDENT / 2;
    return `M${x} ${parent.y + parent.height}V${child.y + child.height / 2}H${child.x}`;
  }
  const [x1, y1] = [parent.x + parent.width, parent.y + parent.height / 2];
  const [x2, y2] = [child.x, child.y + child.height / 2];
  const middle = (x1 + x2) / 2;
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
}

/** Cut to what fits; letters of code are wider. */
export function cut(text: string, width: number, kind: PlacedLine["kind"]): string {
  const most = Math.floor((width - 2 * PADDING - 4) / (kind === "matcher" ? 7.3 : kind === "receiver" ? 7 : 6.3));
  return text.length <= most ? text : `${text.slice(0, Math.max(1, most - 1))}…`;
}
