import { describe, expect, test } from "vitest";
import { formatAgo, formatExact, formatTick, formatTimeOfDay, formatWindow } from "../src/time/format";
import { nanoBetween } from "../src/time/nano";
import { formatBytes, formatCost, formatCount, formatExactCost, formatRate, formatShare } from "../src/ui/number";

const NANO = "1785578587123456789"; // 2026-08-01 10:03:07.123456789 UTC

test("no digit of a nanosecond time is lost", () => {
  expect(formatExact(NANO, "utc")).toBe("2026-08-01 10:03:07.123456789 UTC");
  expect(formatTimeOfDay(NANO, "utc")).toBe("10:03:07.123");
  expect(nanoBetween("1785578587123456789", "1785578587123456790")).toBe(1);
});

test("a window says its date once", () => {
  expect(formatWindow({ startSeconds: 1_785_578_400, endSeconds: 1_785_582_000 }, "utc")).toBe("Aug 1, 10:00 – 11:00");
  expect(formatWindow({ startSeconds: 1_785_578_400, endSeconds: 1_785_578_460 }, "utc")).toBe(
    "Aug 1, 10:00:00 – 10:01:00",
  );
  expect(formatWindow({ startSeconds: 1_785_578_400, endSeconds: 1_785_670_000 }, "utc")).toBe(
    "Aug 1, 10:00 – Aug 2, 11:26",
  );
});

test("ticks name the day where it changes", () => {
  expect(formatTick(1_785_542_400, 3600, "utc")).toBe("Aug 1");
  expect(formatTick(1_785_578_400, 3600, "utc")).toBe("10:00");
  expect(formatTick(1_785_578_405, 5, "utc")).toBe("10:00:05");
});

test("freshness is rough", () => {
  expect([0, 12, 130, 7300, 200_000].map((age) => formatAgo(1000, 1000 + age))).toEqual([
    "just now",
    "12 s ago",
    "2 min ago",
    "2 h ago",
    "2 d ago",
  ]);
});

describe("money", () => {
  test.each([
    [null, "unpriced"],
    [0, "$0"],
    [0.0000004, "<$0.0001"],
    [0.00061, "$0.0006"],
    [0.566, "$0.5660"],
    [12.345, "$12.35"],
    [12_345, "$12.3K"],
  ])("%s is shown as %s", (usd, text) => expect(formatCost(usd)).toBe(text));

  test.each([
    [null, "unpriced"],
    [0.0000004, "$0.000000400"],
    [0.000609, "$0.000609"],
    [0.0123456, "$0.0123"],
    [3.2, "$3.20"],
  ])("%s is exactly %s", (usd, text) => expect(formatExactCost(usd)).toBe(text));
});

test("counts, rates, shares and sizes keep few digits", () => {
  expect([950, 9_999, 12_345, 4_560_000].map(formatCount)).toEqual(["950", "9,999", "12.3K", "4.56M"]);
  expect([0, 0.02, 1.337, 12.34, 1234].map(formatRate)).toEqual(["0/s", "1.20/min", "1.34/s", "12.3/s", "1,234/s"]);
  expect([0, 0.00001, 0.0164, 0.19, 1].map(formatShare)).toEqual(["0%", "<0.01%", "1.64%", "19.0%", "100%"]);
  expect([512, 2048, 734_003_200].map(formatBytes)).toEqual(["512 B", "2.00 KiB", "700 MiB"]);
});
