/** The waterfall with its tools: search, collapse, next error, zoom, keys, and the drawer of the selected span. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Trace } from "../../api/types";
import { setQuery, useQuery } from "../../router/query";
import { useZone } from "../../time/zone";
import { Icon } from "../../ui/icon";
import { useKeys } from "../../ui/keyboard";
import { plural } from "../../ui/number";
import { TextFilter } from "../../ui/text-filter";
import { SpanDrawer } from "./span-drawer";
import { parseStretch, printStretch, type Stretch } from "./timeline";
import { ancestors, findSpans, type SpanNode, type SpanTree, visibleRows } from "./tree";
import { Waterfall } from "./waterfall";

export function WaterfallView({ trace, tree }: { trace: Trace; tree: SpanTree }) {
  const query = useQuery();
  const zone = useZone();
  const searchField = useRef<HTMLInputElement>(null);
  const [collapsed, setCollapsed] = useState<ReadonlySet<string>>(new Set());
  const selected = query.get("span");
  const text = query.get("find") ?? "";
  const zoomed = query.get("zoom");
  const rows = useMemo(() => visibleRows(tree, collapsed), [tree, collapsed]);
  const stretch = useMemo(() => parseStretch(zoomed, tree.durationNano), [zoomed, tree]);
  const found = useMemo(() => (text ? findSpans(tree, text) : null), [tree, text]);
  const [activeId, setActiveId] = useState(selected);
  const active = useMemo(() => rows.findIndex(({ span }) => span.span_id === activeId), [rows, activeId]);
  const node = selected ? tree.nodes.get(selected) : undefined;
  const spanLogs = useMemo(() => trace.logs.filter(({ span_id }) => span_id === selected), [trace, selected]);

  const reveal = useCallback((target: SpanNode) => {
    const above = ancestors(target);
    setCollapsed((old) =>
      above.some((id) => old.has(id)) ? new Set([...old].filter((id) => !above.includes(id))) : old,
    );
    setActiveId(target.span.span_id);
  }, []);

  // A link or Back names another span: it becomes the active row, too.
  useEffect(() => {
    if (node) reveal(node);
  }, [node, reveal]);

  const select = (target: SpanNode | null, replace = false) => {
    if (target) setActiveId(target.span.span_id);
    setQuery({ span: target?.span.span_id ?? null }, { replace });
  };
  const toggle = (target: SpanNode, open?: boolean) => {
    const id = target.span.span_id;
    const isOpen = !collapsed.has(id);
    if (target.children.length === 0 || isOpen === open) return;
    const next = new Set(collapsed);
    if (isOpen) next.add(id);
    else next.delete(id);
    setCollapsed(next);
    setActiveId(id);
  };
  const move = (by: number) => {
    const next = rows[Math.min(rows.length - 1, Math.max(0, active < 0 ? 0 : active + by))];
    if (!next) return;
    setActiveId(next.span.span_id);
    if (selected) select(next, true);
  };
  const jump = (accept: (candidate: SpanNode) => boolean) => {
    const all = visibleRows(tree, new Set());
    const from = all.findIndex(({ span }) => span.span_id === activeId);
    const next = [...all.slice(from + 1), ...all.slice(0, from + 1)].find(accept);
    if (!next) return;
    reveal(next);
    select(next, selected !== null);
  };
  const nextError = () => jump((candidate) => candidate.isOrigin);
  const zoom = (next: Stretch | null) => setQuery({ zoom: next && printStretch(next, tree.durationNano) });
  const sideways = (open: boolean) => {
    const current = rows[active];
    if (!current) return;
    const isOpen = current.children.length > 0 && !collapsed.has(current.span.span_id);
    if (open === isOpen || (!open && current.children.length === 0)) {
      if (open) move(1);
      else if (current.parent) {
        setActiveId(current.parent.span.span_id);
        if (selected) select(current.parent, true);
      }
    } else toggle(current, open);
  };
  const goBack = () => {
    if (selected) select(null);
    else if (zoomed) zoom(null);
    else if (text) setQuery({ find: null });
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    ArrowRight: () => sideways(true),
    ArrowLeft: () => sideways(false),
    Home: () => rows[0] && setActiveId(rows[0].span.span_id),
    End: () => setActiveId(rows[rows.length - 1]?.span.span_id ?? null),
    Enter: () => {
      const current = rows[active];
      if (current) select(current);
    },
    Escape: goBack,
    e: nextError,
    n: () => found && jump(({ span }) => found.has(span.span_id)),
    "/": () => searchField.current?.focus(),
  });

  const allParents = () => [...tree.nodes.values()].filter(({ children }) => children.length > 0);
  return (
    <div class={node ? "trace-split has-drawer" : "trace-split"}>
      <section class="panel waterfall-panel" aria-label="Waterfall">
        <div class="waterfall-tools">
          <TextFilter
            label="Find spans (/)"
            placeholder="Find spans"
            value={text}
            pauseMillis={200}
            inputRef={searchField}
            onCommit={(find) => setQuery({ find }, { replace: true })}
          />
          {found && <span class="muted">{plural(found.size, "match", "matches")}</span>}
          {tree.errors > 0 && (
            <button type="button" class="button" title="Next error (e)" onClick={nextError}>
              <span class="error-text">
                <Icon name="alert" size={14} />
              </span>
              Next error
            </button>
          )}
          <span class="spacer" />
          {zoomed && (
            <button type="button" class="button" onClick={() => zoom(null)}>
              Whole trace
            </button>
          )}
          <div class="joined">
            <button
              type="button"
              class="button"
              aria-label="Expand all"
              title="Expand all"
              onClick={() => setCollapsed(new Set())}
            >
              <Icon name="expand" size={14} />
            </button>
            <button
              type="button"
              class="button"
              aria-label="Collapse all"
              title="Collapse all"
              onClick={() => setCollapsed(new Set(allParents().map(({ span }) => span.span_id)))}
            >
              <Icon name="collapse" size={14} />
            </button>
          </div>
        </div>
        <Waterfall
          tree={tree}
          rows={rows}
          collapsed={collapsed}
          active={active}
          selected={selected}
          found={found}
          stretch={stretch}
          onSelect={(target) => select(target)}
          onToggle={toggle}
          onZoom={zoom}
        />
        <p class="key-help">
          <kbd>j</kbd> <kbd>k</kbd> move · <kbd>←</kbd> <kbd>→</kbd> fold · <kbd>Enter</kbd> details · <kbd>e</kbd> next
          error · <kbd>/</kbd> find · <kbd>Esc</kbd> back
        </p>
      </section>
      {node && (
        <SpanDrawer
          node={node}
          traceId={trace.trace_id}
          traceStart={trace.start_unix_nano}
          logs={spanLogs}
          zone={zone}
          onClose={() => select(null)}
        />
      )}
    </div>
  );
}
