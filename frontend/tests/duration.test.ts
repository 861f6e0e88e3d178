import { describe, expect, test } from "vitest";
import { formatDuration, parseDuration } from "../src/time/duration";

describe("a duration is shown with three digits and the unit that suits", () => {
  test.each([
    [0, "0 ns"],
    [812, "812 ns"],
    [1_000, "1.00 µs"],
    [45_230, "45.2 µs"],
    [999_499, "999 µs"],
    [999_600, "1.00 ms"],
    [45_200_000, "45.2 ms"],
    [240_000_000, "240 ms"],
    [999_700_000, "1.00 s"],
    [1_204_000_000, "1.20 s"],
    [59_960_000_000, "1m 00s"],
    [184_000_000_000, "3m 04s"],
    [7_500_000_000_000, "2h 05m"],
    [93_600_000_000_000, "1d 02h"],
  ])("%d ns is %s", (nano, text) => expect(formatDuration(nano)).toBe(text));
});

describe("a duration is read as the API reads it", () => {
  test.each([
    ["250ms", 250e6],
    ["1.5s", 1.5e9],
    ["1m30s", 90e9],
    ["2h 5m", 7500e9],
    ["10us", 10e3],
    ["7d", 7 * 86400e9],
  ])("%s", (text, nano) => expect(parseDuration(text)).toBe(nano));

  test.each(["", "250", "ms", "1.5 seconds", "-1s", "1s2"])("%j is none", (text) =>
    expect(parseDuration(text)).toBeNull(),
  );
});
