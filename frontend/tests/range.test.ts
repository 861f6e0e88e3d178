import { describe, expect, test } from "vitest";
import { absoluteRange, parseTime, presetLabel, resolveRange, shift, widen } from "../src/time/range";

const NOW = 1_790_000_000;

describe("a time in the address", () => {
  test.each([
    ["now", NOW],
    ["now-1h", NOW - 3600],
    ["now-1h30m", NOW - 5400],
    ["1789999999.5", 1_789_999_999.5],
    ["2026-08-01T10:00:00Z", 1_785_578_400],
    ["2026-08-01T10:00:00+02:00", 1_785_571_200],
  ])("%s", (text, seconds) => expect(parseTime(text, NOW)).toBe(seconds));

  test.each(["yesterday", "now+1h", "now-", "now-1", "2026"])("%s cannot be read or is not meant", (text) => {
    expect(text === "2026" ? parseTime(text, NOW) : (parseTime(text, NOW) ?? 2026)).toBe(2026);
  });
});

describe("a window", () => {
  test("of what cannot be read is the last hour", () =>
    expect(resolveRange({ start: "?", end: "!" }, NOW)).toEqual({ startSeconds: NOW - 3600, endSeconds: NOW }));

  test("with its ends in wrong order is turned round", () =>
    expect(resolveRange({ start: "now", end: "now-1h" }, NOW)).toEqual({ startSeconds: NOW - 3600, endSeconds: NOW }));

  test("of no length gets one", () => {
    const { startSeconds, endSeconds } = resolveRange({ start: "5", end: "5" }, NOW);
    expect(endSeconds).toBeGreaterThan(startSeconds);
  });

  test("comes back from the address as it was written", () => {
    const window = { startSeconds: 1_785_578_400, endSeconds: 1_785_578_400.25 };
    expect(absoluteRange(window)).toEqual({ start: "2026-08-01T10:00:00Z", end: "2026-08-01T10:00:00.250Z" });
    expect(resolveRange(absoluteRange(window), NOW)).toEqual(window);
  });

  test("moves and widens", () => {
    expect(shift({ startSeconds: 0, endSeconds: 10 }, -0.5)).toEqual({ startSeconds: -5, endSeconds: 5 });
    expect(widen({ startSeconds: 0, endSeconds: 10 }, 2)).toEqual({ startSeconds: -5, endSeconds: 15 });
  });

  test("has a name where there is one", () => {
    expect(presetLabel({ start: "now-1h", end: "now" })).toBe("Last hour");
    expect(presetLabel({ start: "now-42m", end: "now" })).toBe("Last 42m");
    expect(presetLabel({ start: "now-1h", end: "now-30m" })).toBeNull();
  });
});
