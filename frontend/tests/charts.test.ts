import { describe, expect, test } from "vitest";
import { AnswerCache } from "../src/api/cache";
import { nearestFirst } from "../src/charts/nearest";
import { clearWhereAllAreGone, stack, topSeries } from "../src/charts/stack";
import { valueRange } from "../src/charts/value-range";
import { withKeys } from "../src/pages/logs/log-query";
import { assignSlot, hashName } from "../src/ui/colour-slot";
import { splitMatches } from "../src/ui/highlight";
import { laidOut } from "../src/ui/json-text";
import { indexAt } from "../src/ui/row-offsets";

test("stacked series stand on those before them; what is missing is nothing", () =>
  expect(
    stack(
      [
        [1, 2, null],
        [10, null, 30],
      ],
      3,
    ),
  ).toEqual([
    [1, 2, 0],
    [11, 2, 30],
  ]));

test("a stack has a gap where no series has a value", () => {
  const values = [
    [1, null, null],
    [1, 2, null],
  ];
  const drawn: (number | null)[][] = stack(values, 3);
  clearWhereAllAreGone(drawn, values);
  expect(drawn).toEqual([
    [1, 0, null],
    [2, 2, null],
  ]);
});

test("a tooltip tells the series at the pointer, the greatest above, and how many others there are", () => {
  const rows = [5, 1, 9, 4].map((value) => ({ name: `s${value}`, value }));
  expect(nearestFirst(rows, 4.4, 2)).toEqual([
    { name: "s5", value: 5, isNearest: false },
    { name: "s4", value: 4, isNearest: true },
    { name: "s1", value: 1 },
    { name: "s9", value: 9 },
  ]);
});

test.each([
  [0, 100, false, [0, 108]],
  [1000, 1010, false, [0, 1090.8]],
  [1000, 1010, true, [999, 1011]],
  [10, 10, true, [9.5, 10.5]],
  [1, 10, true, [0, 10.8]],
  [0, 0, false, [0, 1]],
])("values from %s to %s, fitted %s, are shown on %j", (min, max, fitted, range) =>
  expect(valueRange(min, max, fitted).map((value) => Math.round(value * 1e6) / 1e6)).toEqual(range),
);

describe("of many series", () => {
  const series = ["a", "b", "c", "d"].map((name, index) => ({ name, values: [index, index] }));
  const rest = (name: string, values: number[]) => ({ name, values });

  test("the largest are kept and the rest is one", () =>
    expect(topSeries(series, 2, rest)).toEqual([
      { name: "d", values: [3, 3] },
      { name: "c", values: [2, 2] },
      { name: "2 others", values: [1, 1] },
    ]));

  test("one too many is not worth a rest", () => expect(topSeries(series, 3, rest)).toHaveLength(4));
});

test("a name has the same colour everywhere, and another than its neighbours while there are free ones", () => {
  expect(hashName("backend-api")).toBe(hashName("backend-api"));
  const taken = new Set<number>();
  for (let index = 0; index < 16; index++) taken.add(assignSlot(`service-${index}`, taken, 16, 12));
  expect(taken.size).toBe(16);
});

test("the cache forgets what was not used for longest", () => {
  const cache = new AnswerCache(2);
  cache.set("a", 1);
  cache.set("b", 2);
  cache.get("a");
  cache.set("c", 3);
  expect([cache.get("a"), cache.get("b"), cache.get("c")]).toEqual([1, undefined, 3]);
});

test("matches are cut out whatever the case, and characters of regular expressions are characters", () => {
  expect(splitMatches("Timed out, timed OUT", "timed out")).toEqual(["", "Timed out", ", ", "timed OUT", ""]);
  expect(splitMatches("a.b axb", "a.b")).toEqual(["", "a.b", " axb"]);
  expect(splitMatches("plain", "")).toEqual(["plain"]);
});

test("the row at a position is found by its offset", () => {
  const offsets = Float64Array.from([0, 26, 52, 152, 178]);
  expect([-5, 0, 25, 26, 151, 152, 9999].map((position) => indexAt(offsets, position))).toEqual([0, 0, 0, 1, 2, 3, 4]);
});

test("equal records have keys of their own", () => {
  const record = {
    time_unix_nano: "1",
    service: "a",
    level: "info",
    severity_number: 9,
    severity_text: "",
    body: "x",
    event_name: "",
    trace_id: null,
    span_id: null,
    attributes: {},
    resource: {},
  } as const;
  expect(new Set(withKeys([record, record, { ...record, body: "y" }]).map(({ key }) => key)).size).toBe(3);
});

test("only texts that are JSON are laid out", () => {
  expect(laidOut('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(laidOut("[not json]")).toBeNull();
  expect(laidOut("12")).toBeNull();
});
