import { describe, expect, test } from "vitest";
import type { Span } from "../src/api/types";
import { parseStretch, printStretch, ticks } from "../src/pages/trace/timeline";
import { ancestors, buildTree, findSpans, visibleRows } from "../src/pages/trace/tree";

const START = 1_785_578_587_000_000_000n;

function span(id: string, parent: string | null, offset = 0, duration = 10, error = false): Span {
  return {
    span_id: id,
    parent_span_id: parent,
    service: "shop",
    name: `span ${id}`,
    kind: "internal",
    start_unix_nano: String(START + BigInt(offset)),
    duration_nano: duration,
    status_code: error ? "error" : "unset",
    status_message: "",
    attributes: { "http.route": `/${id}` },
    resource: {},
    scope: { name: "", version: "" },
    events: [],
    links: [],
    llm: null,
  };
}

const tree = (...spans: Span[]) => buildTree({ spans, start_unix_nano: String(START), duration_nano: 100 });
const names = (...args: Parameters<typeof visibleRows>) => visibleRows(...args).map(({ span: { span_id } }) => span_id);

describe("the tree of a trace", () => {
  test("has children in order of their start, whatever the order of arrival", () => {
    const built = tree(span("c", "a", 30), span("d", "b", 12), span("a", null, 0, 100), span("b", "a", 10));
    expect(names(built, new Set())).toEqual(["a", "b", "d", "c"]);
    expect(built.nodes.get("d")?.depth).toBe(2);
    expect(built.nodes.get("a")?.descendants).toBe(3);
    expect(ancestors(built.nodes.get("d")!)).toEqual(["b", "a"]);
  });

  test("keeps spans whose parent is missing, and says so", () => {
    const built = tree(span("a", null), span("b", "gone"));
    expect(built.roots.map(({ span: { span_id }, isOrphan }) => [span_id, isOrphan])).toEqual([
      ["a", false],
      ["b", true],
    ]);
  });

  test("loses no span of a circle, nor of one that is its own parent", () => {
    const built = tree(span("a", "b"), span("b", "a"), span("c", "c"));
    expect(names(built, new Set()).sort()).toEqual(["a", "b", "c"]);
  });

  test("hides what is below a collapsed span", () => {
    const built = tree(span("a", null), span("b", "a"), span("c", "b"), span("d", "a", 5));
    expect(names(built, new Set(["b"]))).toEqual(["a", "b", "d"]);
  });

  test("tells where an error began from where it was passed on", () => {
    const built = tree(
      span("a", null, 0, 100, true),
      span("b", "a", 0, 50, false),
      span("c", "b", 0, 20, true),
      span("d", "a", 60, 20, true),
    );
    const origins = [...built.nodes.values()]
      .filter(({ isOrigin }) => isOrigin)
      .map(({ span: { span_id } }) => span_id);
    expect(origins).toEqual(["c", "d"]);
    expect(built.errors).toBe(3);
  });

  test("may be ten thousand spans deep", () => {
    const chain = Array.from({ length: 10_000 }, (_, index) => span(`s${index}`, index === 0 ? null : `s${index - 1}`));
    const built = tree(...chain);
    expect(built.maxDepth).toBe(9_999);
    expect(visibleRows(built, new Set())).toHaveLength(10_000);
  });

  test("is searched by name, service, id and attribute", () => {
    const built = tree(span("a1", null), span("b2", "a1"));
    expect([...findSpans(built, "SPAN B2")]).toEqual(["b2"]);
    expect([...findSpans(built, "route=/a1")]).toEqual(["a1"]);
    expect(findSpans(built, "shop").size).toBe(2);
  });
});

describe("the stretch of a trace in sight", () => {
  test.each([
    [null, { fromNano: 0, toNano: 100 }],
    ["20-60", { fromNano: 20, toNano: 60 }],
    ["20-600", { fromNano: 20, toNano: 100 }],
    ["60-20", { fromNano: 0, toNano: 100 }],
    ["x", { fromNano: 0, toNano: 100 }],
  ])("%s", (text, stretch) => expect(parseStretch(text, 100)).toEqual(stretch));

  test("is nothing in the address when it is the whole", () => {
    expect(printStretch({ fromNano: -3, toNano: 100 }, 100)).toBeNull();
    expect(printStretch({ fromNano: 19.6, toNano: 60.2 }, 100)).toBe("20-60");
  });

  test("has round ticks", () => {
    expect(ticks({ fromNano: 0, toNano: 1000 }, 5)).toEqual([0, 200, 400, 600, 800, 1000]);
    expect(ticks({ fromNano: 130, toNano: 470 }, 4)).toEqual([200, 300, 400]);
  });
});
