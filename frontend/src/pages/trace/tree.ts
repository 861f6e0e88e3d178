/** A trace's spans as a tree: who called whom, how deep, and where errors began. No recursion: chains may be thousands deep. */
import type { Span, Trace } from "../../api/types";
import { nanoBetween } from "../../time/nano";

export interface SpanNode {
  span: Span;
  parent: SpanNode | null;
  children: SpanNode[];
  depth: number;
  /** How many spans are below this one. */
  descendants: number;
  /** Nanoseconds after the start of the trace. */
  offsetNano: number;
  isError: boolean;
  /** An error with no error below it: where the trouble began. The errors above it only passed it on. */
  isOrigin: boolean;
  /** Its parent is named but not in the trace. */
  isOrphan: boolean;
}

export interface SpanTree {
  roots: SpanNode[];
  nodes: Map<string, SpanNode>;
  durationNano: number;
  maxDepth: number;
  errors: number;
}

export function buildTree(trace: Pick<Trace, "spans" | "start_unix_nano" | "duration_nano">): SpanTree {
  const nodes = new Map<string, SpanNode>();
  for (const span of trace.spans) {
    nodes.set(span.span_id, {
      span,
      parent: null,
      children: [],
      depth: 0,
      descendants: 0,
      offsetNano: nanoBetween(trace.start_unix_nano, span.start_unix_nano),
      isError: span.status_code === "error",
      isOrigin: false,
      isOrphan: false,
    });
  }
  const roots: SpanNode[] = [];
  for (const node of nodes.values()) {
    const parentId = node.span.parent_span_id;
    const parent = parentId ? nodes.get(parentId) : undefined;
    if (parent && parent !== node) {
      node.parent = parent;
      parent.children.push(node);
    } else {
      node.isOrphan = parentId !== null && parentId !== "";
      roots.push(node);
    }
  }
  roots.push(...openCircles(nodes, roots));
  const byStart = (a: SpanNode, b: SpanNode) =>
    a.offsetNano - b.offsetNano || b.span.duration_nano - a.span.duration_nano;
  roots.sort(byStart);
  const order: SpanNode[] = [];
  const stack = [...roots].reverse();
  let maxDepth = 0;
  let durationNano = trace.duration_nano;
  while (stack.length > 0) {
    const node = stack.pop() as SpanNode;
    order.push(node);
    node.depth = node.parent ? node.parent.depth + 1 : 0;
    maxDepth = Math.max(maxDepth, node.depth);
    durationNano = Math.max(durationNano, node.offsetNano + node.span.duration_nano);
    node.children.sort(byStart);
    for (let index = node.children.length - 1; index >= 0; index--) stack.push(node.children[index] as SpanNode);
  }
  const errorBelow = new Set<SpanNode>();
  let errors = 0;
  for (let index = order.length - 1; index >= 0; index--) {
    const node = order[index] as SpanNode;
    if (node.isError) {
      errors += 1;
      node.isOrigin = !errorBelow.has(node);
    }
    if (node.parent) {
      node.parent.descendants += node.descendants + 1;
      if (node.isError || errorBelow.has(node)) errorBelow.add(node.parent);
    }
  }
  return { roots, nodes, durationNano: Math.max(durationNano, 1), maxDepth, errors };
}

/** Spans that no root reaches call each other in circles: each circle is cut at one span, which becomes a root. */
function openCircles(nodes: ReadonlyMap<string, SpanNode>, roots: readonly SpanNode[]): SpanNode[] {
  const reached = new Set<SpanNode>();
  const reach = (from: readonly SpanNode[]) => {
    const stack = [...from];
    while (stack.length > 0) {
      const node = stack.pop() as SpanNode;
      if (reached.has(node)) continue;
      reached.add(node);
      for (const child of node.children) stack.push(child);
    }
  };
  reach(roots);
  const cut: SpanNode[] = [];
  for (const node of nodes.values()) {
    if (reached.has(node)) continue;
    const { parent } = node;
    if (parent) parent.children.splice(parent.children.indexOf(node), 1);
    node.parent = null;
    node.isOrphan = true;
    cut.push(node);
    reach([node]);
  }
  return cut;
}

/** The rows that are in sight: depth first, without what is below a collapsed span. */
export function visibleRows(tree: SpanTree, collapsed: ReadonlySet<string>): SpanNode[] {
  const rows: SpanNode[] = [];
  const stack = [...tree.roots].reverse();
  while (stack.length > 0) {
    const node = stack.pop() as SpanNode;
    rows.push(node);
    if (collapsed.has(node.span.span_id)) continue;
    for (let index = node.children.length - 1; index >= 0; index--) stack.push(node.children[index] as SpanNode);
  }
  return rows;
}

/** The spans above one, which must be open for it to be seen. */
export function ancestors(node: SpanNode): string[] {
  const ids = [];
  for (let current = node.parent; current; current = current.parent) ids.push(current.span.span_id);
  return ids;
}

/** The spans whose service, name, status or attributes hold the text. */
export function findSpans(tree: SpanTree, text: string): Set<string> {
  const wanted = text.toLowerCase();
  const found = new Set<string>();
  for (const { span } of tree.nodes.values()) {
    const hit =
      span.name.toLowerCase().includes(wanted) ||
      span.service.toLowerCase().includes(wanted) ||
      span.span_id.startsWith(wanted) ||
      span.status_message.toLowerCase().includes(wanted) ||
      Object.entries(span.attributes).some(([key, value]) => `${key}=${String(value)}`.toLowerCase().includes(wanted));
    if (hit) found.add(span.span_id);
  }
  return found;
}
