/** Which page an address means. A table, so that a new page is a new row. */

export type Route =
  | { page: "overview" }
  | { page: "traces" }
  | { page: "trace"; traceId: string }
  | { page: "logs" }
  | { page: "metrics" }
  | { page: "cardinality" }
  | { page: "targets" }
  | { page: "routes" }
  | { page: "on-call" }
  | { page: "automation" }
  | { page: "rules" }
  | { page: "slos" }
  | { page: "slo"; service: string; name: string }
  | { page: "llm" }
  | { page: "llm-call"; traceId: string; spanId: string }
  | { page: "alerts" }
  | { page: "alert"; fingerprint: string }
  | { page: "alert-history" }
  | { page: "silences" }
  | { page: "silence"; id: string }
  | { page: "notifications" }
  | { page: "unknown" };

const ROUTES: readonly [RegExp, (groups: string[]) => Route][] = [
  [/^\/$/, () => ({ page: "overview" })],
  [/^\/traces\/?$/, () => ({ page: "traces" })],
  [/^\/traces\/([0-9a-fA-F]{1,32})\/?$/, ([traceId = ""]) => ({ page: "trace", traceId: traceId.toLowerCase() })],
  [/^\/logs\/?$/, () => ({ page: "logs" })],
  [/^\/metrics-explorer\/?$/, () => ({ page: "metrics" })],
  [/^\/cardinality\/?$/, () => ({ page: "cardinality" })],
  [/^\/targets\/?$/, () => ({ page: "targets" })],
  [/^\/alerts\/routes\/?$/, () => ({ page: "routes" })],
  [/^\/alerts\/on-call\/?$/, () => ({ page: "on-call" })],
  [/^\/alerts\/automation\/?$/, () => ({ page: "automation" })],
  [/^\/rules\/?$/, () => ({ page: "rules" })],
  [/^\/slos\/?$/, () => ({ page: "slos" })],
  [
    /^\/slos\/([^/]+)\/([^/]+)\/?$/,
    ([service = "", name = ""]) => ({ page: "slo", service: decoded(service), name: decoded(name) }),
  ],
  [/^\/llm\/?$/, () => ({ page: "llm" })],
  [
    /^\/llm\/([0-9a-fA-F]{1,32})\/([0-9a-fA-F]{1,16})\/?$/,
    ([traceId = "", spanId = ""]) => ({
      page: "llm-call",
      traceId: traceId.toLowerCase(),
      spanId: spanId.toLowerCase(),
    }),
  ],
  [/^\/alerts\/?$/, () => ({ page: "alerts" })],
  [/^\/alerts\/([0-9a-f]{16})\/?$/, ([fingerprint = ""]) => ({ page: "alert", fingerprint })],
  [/^\/alerts\/history\/?$/, () => ({ page: "alert-history" })],
  [/^\/alerts\/silences\/?$/, () => ({ page: "silences" })],
  [/^\/alerts\/silences\/new\/?$/, () => ({ page: "silence", id: "" })],
  [/^\/alerts\/silences\/([0-9a-fA-F-]{36})\/?$/, ([id = ""]) => ({ page: "silence", id })],
  [/^\/alerts\/notifications\/?$/, () => ({ page: "notifications" })],
];

/** A part of a path; one that nobody has encoded stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function matchRoute(path: string): Route {
  for (const [pattern, toRoute] of ROUTES) {
    const match = pattern.exec(path);
    if (match) return toRoute(match.slice(1));
  }
  return { page: "unknown" };
}
