import { describe, expect, test } from "vitest";
import { address } from "../src/api/client";
import { matchRoute } from "../src/router/routes";
import { linkFrom, updateSearch } from "../src/router/search";
import { addExpression, filterValue, parseExpression, scopedKey } from "../src/ui/attribute-expression";

describe("the address bar", () => {
  test("changes only what is named", () =>
    expect(updateSearch("?service=a&level=warn&level=error&end=now", { service: "b", level: ["info"] })).toBe(
      "end=now&service=b&level=info",
    ));

  test("drops what is empty", () => expect(updateSearch("?a=1&b=2", { a: "", b: null })).toBe(""));

  test("carries time, zone and refresh to another page, and nothing else", () =>
    expect(linkFrom("?start=now-6h&tz=utc&status=error", "/logs", { service: "x" })).toBe(
      "/logs?start=now-6h&tz=utc&service=x",
    ));

  test("stays readable", () =>
    expect(updateSearch("", { start: "2026-08-01T10:00:00Z" })).toBe("start=2026-08-01T10:00:00Z"));

  test.each([
    ["/", { page: "overview" }],
    ["/traces/", { page: "traces" }],
    ["/traces/ABCDEF0123456789", { page: "trace", traceId: "abcdef0123456789" }],
    ["/llm/ab/cd", { page: "llm-call", traceId: "ab", spanId: "cd" }],
    ["/traces/not-hex", { page: "unknown" }],
  ])("%s", (path, route) => expect(matchRoute(path)).toEqual(route));
});

test("an API address leaves out what is empty and repeats lists", () =>
  expect(address("/logs", { service: "", level: ["error", "warn"], limit: 200, trace_id: null })).toBe(
    "/api/v1/logs?level=error&level=warn&limit=200",
  ));

describe("an attribute filter", () => {
  test.each([
    ["http.route=/a=b", { key: "http.route", operator: "=", value: "/a=b" }],
    ["status >= 500", { key: "status", operator: ">=", value: "500" }],
    ["user!=me", { key: "user", operator: "!=", value: "me" }],
    ["name=~a|b", { key: "name", operator: "=~", value: "a|b" }],
    ["name!~^x", { key: "name", operator: "!~", value: "^x" }],
  ])("%s", (text, expression) => expect(parseExpression(text)).toEqual(expression));

  test.each(["", "=x", "plain"])("%j is none", (text) => expect(parseExpression(text)).toBeNull());

  test("takes the place of its opposite", () => {
    const excluded = { key: "a", operator: "!=", value: "1" } as const;
    expect(addExpression(["a=1", "b=2"], excluded)).toEqual(["b=2", "a!=1"]);
    expect(addExpression(["a!=1"], excluded)).toEqual(["a!=1"]);
  });

  test("exists for plain values only", () => {
    expect([filterValue("x"), filterValue(0), filterValue(false)]).toEqual(["x", "0", "false"]);
    expect([filterValue(null), filterValue([1]), filterValue({})]).toEqual([null, null, null]);
  });

  test("names its scope where that is needed", () => {
    expect(scopedKey("span", "http.route")).toBe("http.route");
    expect(scopedKey("span", "resource.odd")).toBe("span.resource.odd");
    expect(scopedKey("resource", "service.name")).toBe("resource.service.name");
  });
});
