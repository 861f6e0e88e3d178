/** Which page an address means. A table, so that a new page is a new row. */

export type Route =
  | { page: "overview" }
  | { page: "traces" }
  | { page: "trace"; traceId: string }
  | { page: "logs" }
  | { page: "metrics" }
  | { page: "cardinality" }
  | { page: "targets" }
  | { page: "llm" }
  | { page: "llm-call"; traceId: string; spanId: string }
  | { page: "unknown" };

const ROUTES: readonly [RegExp, (groups: string[]) => Route][] = [
  [/^\/$/, () => ({ page: "overview" })],
  [/^\/traces\/?$/, () => ({ page: "traces" })],
  [/^\/traces\/([0-9a-fA-F]{1,32})\/?$/, ([traceId = ""]) => ({ page: "trace", traceId: traceId.toLowerCase() })],
  [/^\/logs\/?$/, () => ({ page: "logs" })],
  [/^\/metrics-explorer\/?$/, () => ({ page: "metrics" })],
  [/^\/cardinality\/?$/, () => ({ page: "cardinality" })],
  [/^\/targets\/?$/, () => ({ page: "targets" })],
  [/^\/llm\/?$/, () => ({ page: "llm" })],
  [
    /^\/llm\/([0-9a-fA-F]{1,32})\/([0-9a-fA-F]{1,16})\/?$/,
    ([traceId = "", spanId = ""]) => ({
      page: "llm-call",
      traceId: traceId.toLowerCase(),
      spanId: spanId.toLowerCase(),
    }),
  ],
];

export function matchRoute(path: string): Route {
  for (const [pattern, toRoute] of ROUTES) {
    const match = pattern.exec(path);
    if (match) return toRoute(match.slice(1));
  }
  return { page: "unknown" };
}
