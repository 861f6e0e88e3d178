/** The tree of routes, drawn: an alert is offered from the left to the right, and from the top to the bottom. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { RoutesAnswer } from "../../api/rules";
import { cut, edge, LINE_HEIGHT, layOut, PADDING, type PlacedRoute } from "./tree-layout";

interface Props {
  told: RoutesAnswer;
  /** Ids of the routes on the way of a tested alert; null while none is tested. */
  lit: ReadonlySet<string> | null;
  /** Ids of those that take it. */
  taking: ReadonlySet<string>;
  chosen: string;
  onChoose(id: string): void;
}

export function RouteTree({ told, lit, taking, chosen, onChoose }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const [available, setAvailable] = useState(0);
  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    const measure = () => setAvailable(Math.floor(element.clientWidth));
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, []);
  const kinds = useMemo(() => new Map(told.receivers.map(({ name, kinds: own }) => [name, own])), [told.receivers]);
  const tree = useMemo(() => layOut(told.route, kinds, Math.max(available - 2, 1)), [told.route, kinds, available]);
  const known = tree.routes.some(({ route }) => route.id === chosen);
  const focused = known ? chosen : tree.routes[0]?.route.id;

  const move = (event: KeyboardEvent, index: number) => {
    const target = neighbour(tree.routes, index, event.key);
    if (event.key === "Enter" || event.key === " ") onChoose(tree.routes[index]?.route.id ?? "");
    else if (target === null) return;
    else {
      const id = tree.routes[target]?.route.id ?? "";
      onChoose(id);
      holder.current?.querySelector<SVGGElement>(`[data-route="${target}"]`)?.focus();
    }
    event.preventDefault();
  };

  return (
    <div class="route-tree" ref={holder}>
      {available > 0 && (
        <svg
          width={tree.width + 2}
          height={tree.height + 2}
          viewBox={`-1 -1 ${tree.width + 2} ${tree.height + 2}`}
          role="tree"
          aria-label="Tree of routes"
        >
          {tree.routes.map((placed) => {
            const parent = tree.routes[placed.parent];
            if (!parent) return null;
            const isLit = lit?.has(placed.route.id) ?? false;
            return (
              <path
                key={placed.route.id}
                class={isLit ? "route-edge is-lit" : "route-edge"}
                d={edge(parent, placed, tree.isNarrow)}
              />
            );
          })}
          {tree.routes.map((placed, index) => (
            <g
              key={placed.route.id}
              class={classOf(placed.route.id, lit, taking)}
              transform={`translate(${placed.x} ${placed.y})`}
              role="treeitem"
              data-route={index}
              aria-level={placed.depth + 1}
              aria-selected={placed.route.id === chosen}
              aria-label={placed.label}
              tabindex={placed.route.id === focused ? 0 : -1}
              onClick={() => onChoose(placed.route.id)}
              onKeyDown={(event) => move(event, index)}
            >
              <title>{placed.label}</title>
              <rect class="route-box" width={placed.width} height={placed.height} rx="7" />
              {placed.lines.map(({ text, kind }, line) => (
                <text key={line} class={`route-line route-${kind}`} x={PADDING} y={PADDING + 9 + line * LINE_HEIGHT}>
                  {cut(text, placed.width - (line === 0 && placed.route.firing > 0 ? 30 : 0), kind)}
                </text>
              ))}
              {placed.route.firing > 0 && (
                <g class="route-firing" transform={`translate(${placed.width - 8} 16)`}>
                  <circle r="11" cx="-6" />
                  <text x="-6" y="4">
                    {placed.route.firing > 99 ? "99+" : placed.route.firing}
                  </text>
                </g>
              )}
            </g>
          ))}
        </svg>
      )}
    </div>
  );
}

function classOf(id: string, lit: ReadonlySet<string> | null, taking: ReadonlySet<string>): string {
  if (lit === null) return "route-node";
  if (taking.has(id)) return "route-node is-lit is-taking";
  return lit.has(id) ? "route-node is-lit" : "route-node is-dim";
}

/** Where an arrow key leads: through all routes in order, up to the parent, down to the first of one's own. */
function neighbour(routes: readonly PlacedRoute[], index: number, key: string): number | null {
  const here = routes[index];
  if (!here) return null;
  const last = routes.length - 1;
  switch (key) {
    case "ArrowDown":
      return Math.min(index + 1, last);
    case "ArrowUp":
      return Math.max(index - 1, 0);
    case "ArrowLeft":
      return Math.max(here.parent, 0);
    case "ArrowRight":
      return routes[index + 1]?.parent === index ? index + 1 : null;
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return null;
  }
}
