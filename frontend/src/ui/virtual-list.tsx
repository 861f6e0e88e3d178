/** A list of any length in the page's own scroll: only the rows near the viewport are in the document. */
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useKeys } from "./keyboard";
import { indexAt } from "./row-offsets";

interface Props<Item> {
  label: string;
  items: readonly Item[];
  keyOf(item: Item): string;
  /** Height of a row before it has been measured, in pixels. */
  rowHeight: number;
  /** A row's element; its first focusable element takes the focus of j and k. */
  render(item: Item, index: number): ComponentChildren;
  /** Called when the end comes near. */
  onEnd?(): void;
  class?: string;
}

const OVERSCAN_PIXELS = 600;

export function VirtualList<Item>({
  label,
  items,
  keyOf,
  rowHeight,
  render,
  onEnd,
  class: className = "",
}: Props<Item>) {
  const root = useRef<HTMLDivElement>(null);
  const heights = useRef(new Map<string, number>());
  const [measured, setMeasured] = useState(0);
  const [view, setView] = useState({ top: 0, bottom: 1500 });

  const offsets = useMemo(() => {
    const result = new Float64Array(items.length + 1);
    for (let index = 0; index < items.length; index++) {
      const height = heights.current.get(keyOf(items[index] as Item)) ?? rowHeight;
      result[index + 1] = (result[index] as number) + height;
    }
    return result;
    // `measured` stands for the content of `heights`.
  }, [items, measured, rowHeight, keyOf]);
  const total = offsets[items.length] ?? 0;

  useEffect(() => {
    let frame = 0;
    const update = () => {
      frame = 0;
      const rect = root.current?.getBoundingClientRect();
      if (!rect) return;
      const top = Math.floor((-rect.top - OVERSCAN_PIXELS) / 100) * 100;
      setView((old) => (old.top === top ? old : { top, bottom: top + window.innerHeight + 2 * OVERSCAN_PIXELS + 100 }));
    };
    const schedule = () => {
      if (frame === 0) frame = requestAnimationFrame(update);
    };
    update();
    window.addEventListener("scroll", schedule, { passive: true });
    window.addEventListener("resize", schedule);
    return () => {
      cancelAnimationFrame(frame);
      window.removeEventListener("scroll", schedule);
      window.removeEventListener("resize", schedule);
    };
  }, []);

  const first = Math.max(0, indexAt(offsets, view.top));
  const last = Math.min(items.length, indexAt(offsets, view.bottom) + 1);

  useEffect(() => {
    if (onEnd && items.length > 0 && last >= items.length) onEnd();
  }, [last, items.length, onEnd]);

  // Rows are measured when they are drawn, and again when their content grows or shrinks by itself.
  const measure = useRef(() => {});
  measure.current = () => {
    let changed = false;
    for (const element of root.current?.children ?? []) {
      const key = (element as HTMLElement).dataset.key as string;
      const height = (element as HTMLElement).offsetHeight;
      if (height > 0 && (heights.current.get(key) ?? rowHeight) !== height) {
        heights.current.set(key, height);
        changed = true;
      }
    }
    if (changed) setMeasured((count) => count + 1);
  };
  const observer = useMemo(() => new ResizeObserver(() => measure.current()), []);
  useEffect(() => () => observer.disconnect(), [observer]);
  useLayoutEffect(() => {
    measure.current();
    observer.disconnect();
    for (const element of root.current?.children ?? []) observer.observe(element);
  }, [first, last, items]);

  useListKeys(root, items.length, offsets);

  const rows = [];
  for (let index = first; index < last; index++) {
    const item = items[index] as Item;
    const key = keyOf(item);
    rows.push(
      <div
        key={key}
        role="listitem"
        class="virtual-row"
        data-key={key}
        data-index={index}
        aria-posinset={index + 1}
        aria-setsize={items.length}
        style={{ transform: `translateY(${offsets[index]}px)` }}
      >
        {render(item, index)}
      </div>,
    );
  }
  return (
    <div ref={root} role="list" aria-label={label} class={`virtual-list ${className}`} style={{ height: `${total}px` }}>
      {rows}
    </div>
  );
}

/** j and k, and the arrows once a row has the focus, walk the rows. */
function useListKeys(root: RefObject<HTMLDivElement | null>, count: number, offsets: Float64Array): void {
  const focused = () => document.activeElement?.closest<HTMLElement>("[data-index]") ?? null;
  const go = (by: number) => {
    const list = root.current;
    if (!list || count === 0) return;
    const row = focused();
    const from = row && list.contains(row) ? Number(row.dataset.index) : by > 0 ? -1 : count;
    const next = Math.min(count - 1, Math.max(0, from + by));
    const top = list.getBoundingClientRect().top + (offsets[next] ?? 0);
    const bottom = list.getBoundingClientRect().top + (offsets[next + 1] ?? 0);
    const margin = 130;
    if (top < margin) window.scrollBy(0, top - margin);
    else if (bottom > window.innerHeight - margin) window.scrollBy(0, bottom - window.innerHeight + margin);
    // A row that is already drawn takes the focus at once, so that Enter may follow directly.
    const focus = () => {
      const target = list.querySelector<HTMLElement>(`[data-index="${next}"] :is(a, button)`);
      target?.focus({ preventScroll: true });
      return target !== null;
    };
    if (!focus()) requestAnimationFrame(() => requestAnimationFrame(focus));
  };
  const arrow = (by: number) => {
    if (focused()) go(by);
    else window.scrollBy(0, by * 60);
  };
  useKeys({ j: () => go(1), k: () => go(-1), ArrowDown: () => arrow(1), ArrowUp: () => arrow(-1) });
}
