/**
 * The waterfall: a canvas that holds only the rows in sight, below transparent tree items of the same rows, which take the
 * pointer and tell a screen reader what the canvas shows. Ten thousand spans cost what fifty do.
 */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { fitCanvas } from "../../charts/canvas";
import { formatDuration } from "../../time/duration";
import { useTheme } from "../../ui/theme";
import { Minimap } from "./minimap";
import { caretX, createLayout, paintRows, ROW_HEIGHT, readPalette } from "./paint";
import type { Stretch } from "./timeline";
import type { SpanNode, SpanTree } from "./tree";

interface Props {
  tree: SpanTree;
  rows: readonly SpanNode[];
  collapsed: ReadonlySet<string>;
  /** Index of the row that the keys act on. */
  active: number;
  selected: string | null;
  found: ReadonlySet<string> | null;
  stretch: Stretch;
  onSelect(node: SpanNode): void;
  onToggle(node: SpanNode): void;
  onZoom(stretch: Stretch | null): void;
}

const OVERSCAN = 12;

export function Waterfall(props: Props) {
  const { tree, rows, collapsed, active, selected, found, stretch, onSelect, onToggle, onZoom } = props;
  const body = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  const [width, setWidth] = useState(0);
  const [view, setView] = useState({ first: 0, last: 60 });
  const layout = useMemo(() => createLayout(width, tree.maxDepth, stretch), [width, tree.maxDepth, stretch]);
  const first = Math.min(view.first, rows.length);
  const last = Math.min(view.last, rows.length);

  useLayoutEffect(() => {
    const element = body.current;
    if (!element) return;
    let frame = 0;
    const update = () => {
      frame = 0;
      setWidth(element.clientWidth);
      const top = -element.getBoundingClientRect().top;
      const start = Math.max(0, Math.floor(top / ROW_HEIGHT) - OVERSCAN);
      const end = Math.ceil((top + window.innerHeight) / ROW_HEIGHT) + OVERSCAN;
      setView((old) => (old.first === start && old.last === end ? old : { first: start, last: Math.max(end, start) }));
    };
    const schedule = () => {
      if (frame === 0) frame = requestAnimationFrame(update);
    };
    update();
    const observer = new ResizeObserver(schedule);
    observer.observe(element);
    window.addEventListener("scroll", schedule, { passive: true });
    window.addEventListener("resize", schedule);
    return () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
      window.removeEventListener("scroll", schedule);
      window.removeEventListener("resize", schedule);
    };
  }, []);

  useLayoutEffect(() => {
    if (width === 0) return;
    const context = canvas.current && fitCanvas(canvas.current, width, Math.max((last - first) * ROW_HEIGHT, 1));
    if (context) paintRows(context, { nodes: rows, first, last, collapsed, found }, layout, readPalette());
  }, [rows, first, last, collapsed, found, layout, width, theme]);

  useEffect(() => {
    const element = body.current;
    if (!element || active < 0) return;
    const top = element.getBoundingClientRect().top + active * ROW_HEIGHT;
    const head = 170;
    if (top < head) window.scrollBy(0, top - head);
    else if (top + ROW_HEIGHT > window.innerHeight - 70) window.scrollBy(0, top + ROW_HEIGHT - window.innerHeight + 70);
  }, [active]);

  const items = [];
  for (let index = first; index < last; index++) {
    const node = rows[index] as SpanNode;
    const { span } = node;
    const hasChildren = node.children.length > 0;
    items.push(
      <div
        key={span.span_id}
        id={`span-${span.span_id}`}
        role="treeitem"
        tabIndex={-1}
        class={index === active ? "waterfall-item is-active" : "waterfall-item"}
        aria-level={node.depth + 1}
        aria-posinset={index + 1}
        aria-setsize={rows.length}
        aria-expanded={hasChildren ? !collapsed.has(span.span_id) : undefined}
        aria-selected={span.span_id === selected}
        aria-label={`${span.service} ${span.name}, ${formatDuration(span.duration_nano)}${errorLabel(node)}`}
        title={`${span.service} · ${span.name}`}
        style={{ transform: `translateY(${index * ROW_HEIGHT}px)` }}
        onClick={(event) => {
          if (hasChildren && event.offsetX < caretX(layout, node.depth) + 8) onToggle(node);
          else onSelect(node);
        }}
      />,
    );
  }
  return (
    <div class="waterfall">
      <div class="waterfall-head">
        <Minimap tree={tree} rows={rows} layout={layout} onZoom={onZoom} />
      </div>
      <div
        ref={body}
        class="waterfall-body"
        role="tree"
        tabIndex={0}
        aria-label={`Spans of this trace, ${rows.length} rows`}
        aria-activedescendant={rows[active] ? `span-${rows[active].span.span_id}` : undefined}
        style={{ height: `${rows.length * ROW_HEIGHT}px` }}
      >
        {items}
        <canvas
          ref={canvas}
          class="waterfall-canvas"
          aria-hidden="true"
          style={{ transform: `translateY(${first * ROW_HEIGHT}px)` }}
        />
      </div>
    </div>
  );
}

function errorLabel(node: SpanNode): string {
  if (!node.isError) return "";
  return node.isOrigin ? ", error began here" : ", error";
}
