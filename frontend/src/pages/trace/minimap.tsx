/** The whole trace in a strip, with the ruler below it. Dragging across it zooms; a double click shows the whole again. */
import { useEffect, useRef, useState } from "preact/hooks";
import { fitCanvas } from "../../charts/canvas";
import { formatDuration } from "../../time/duration";
import { colourOf, cssColour } from "../../ui/colour";
import { useTheme } from "../../ui/theme";
import { type Layout, tickCount, timeX } from "./paint";
import { type Stretch, ticks } from "./timeline";
import type { SpanNode, SpanTree } from "./tree";

const STRIP = 42;
const RULER = 22;

interface Props {
  tree: SpanTree;
  rows: readonly SpanNode[];
  layout: Layout;
  onZoom(stretch: Stretch | null): void;
}

export function Minimap({ tree, rows, layout, onZoom }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  const [drag, setDrag] = useState<{ from: number; to: number } | null>(null);
  const left = layout.nameWidth + 8;
  const width = Math.max(layout.width - layout.nameWidth - 20, 1);
  const stripX = (nano: number) => left + (nano / tree.durationNano) * width;

  useEffect(() => {
    const context = canvas.current && fitCanvas(canvas.current, layout.width, STRIP + RULER);
    if (!context) return;
    context.clearRect(0, 0, layout.width, STRIP + RULER);
    const height = Math.max(1, Math.min(4, (STRIP - 4) / Math.max(rows.length, 1)));
    const paint = (node: SpanNode, index: number, colour: string) => {
      context.fillStyle = colour;
      const y = 2 + (index / Math.max(rows.length, 1)) * (STRIP - 4);
      const x = stripX(node.offsetNano);
      context.fillRect(x, y, Math.max(1.5, (node.span.duration_nano / tree.durationNano) * width), height);
    };
    rows.forEach((node, index) => {
      if (!node.isOrigin) paint(node, index, colourOf(node.span.service));
    });
    rows.forEach((node, index) => {
      if (node.isOrigin) paint(node, index, cssColour("--error"));
    });
    const { fromNano, toNano } = layout.stretch;
    context.fillStyle = cssColour("--veil");
    context.fillRect(left, 0, stripX(fromNano) - left, STRIP);
    context.fillRect(stripX(toNano), 0, left + width - stripX(toNano), STRIP);
    if (drag) {
      context.fillStyle = cssColour("--selection");
      context.fillRect(Math.min(drag.from, drag.to), 0, Math.abs(drag.to - drag.from), STRIP);
    }
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = cssColour("--text-muted");
    context.textBaseline = "middle";
    for (const tick of ticks(layout.stretch, tickCount(layout))) {
      const x = timeX(layout, tick);
      const text = tick === 0 ? "0" : formatDuration(tick).replace(/\.0+(?= )/, "");
      context.textAlign = x > layout.width - 40 ? "right" : x < left + 12 ? "left" : "center";
      context.fillText(text, x, STRIP + RULER / 2 + 1);
    }
  }, [tree, rows, layout, drag, theme]);

  const finish = () => {
    if (drag && Math.abs(drag.to - drag.from) >= 4) {
      const nano = (x: number) => (Math.min(Math.max(x - left, 0), width) / width) * tree.durationNano;
      onZoom({ fromNano: nano(Math.min(drag.from, drag.to)), toNano: nano(Math.max(drag.from, drag.to)) });
    }
    setDrag(null);
  };
  return (
    <canvas
      ref={canvas}
      class="minimap"
      role="img"
      aria-label="The whole trace; drag to zoom, double click to show everything"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        setDrag({ from: event.offsetX, to: event.offsetX });
      }}
      onPointerMove={(event) => drag && setDrag({ ...drag, to: event.offsetX })}
      onPointerUp={finish}
      onPointerCancel={() => setDrag(null)}
      onDblClick={() => onZoom(null)}
    />
  );
}
