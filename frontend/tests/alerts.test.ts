import { describe, expect, it } from "vitest";
import type { AlertingRule, ManagedAlert, RuleAlert, Silence } from "../src/api/alerting";
import {
  countStates,
  filterAlerts,
  groupAlerts,
  joinAlerts,
  ownLabels,
  readAlertFilters,
  silenced,
} from "../src/pages/alerts/alert-list";
import { conditionOf } from "../src/pages/alerts/condition";
import { fingerprintOf } from "../src/pages/alerts/fingerprint";
import { firedFor, firingStep, firingsAddress, toFirings, toIntervals } from "../src/pages/alerts/firings";
import { toPieces } from "../src/pages/alerts/linked-text";
import { matchersOf, matchesAll, parseMatcher, printMatcher, readMatchers } from "../src/pages/alerts/matcher";
import { bySeverity, toneOf } from "../src/pages/alerts/severity";
import { endOf, extended, problemsOf, type SilenceDraft, toPosted } from "../src/pages/alerts/silence-form";

function ruleAlert(labels: Record<string, string>, state: "pending" | "firing", activeAt = "2026-08-01T10:00:00Z") {
  return { labels, annotations: {}, state, activeAt, value: "1.5e+00" } satisfies RuleAlert;
}

function rule(name: string, alerts: RuleAlert[]): AlertingRule {
  return {
    type: "alerting",
    name,
    query: "up == 0",
    state: "firing",
    duration: 60,
    keepFiringFor: 0,
    labels: { severity: "critical" },
    annotations: {},
    alerts,
    health: "ok",
  };
}

function managed(labels: Record<string, string>, changes: Partial<ManagedAlert["status"]> = {}): ManagedAlert {
  return {
    fingerprint: fingerprintOf(labels),
    labels,
    annotations: {},
    startsAt: "2026-08-01T09:00:00Z",
    endsAt: "2026-08-01T11:00:00Z",
    updatedAt: "2026-08-01T10:00:00Z",
    receivers: [{ name: "team" }, { name: "ops" }],
    status: { state: "active", silencedBy: [], inhibitedBy: [], ...changes },
  };
}

const SHOP = { alertname: "Down", service: "shop", severity: "critical", env: "prod" };
const CART = { alertname: "Down", service: "cart", severity: "critical", env: "prod" };
const SLOW = { alertname: "Slow", job: "web", severity: "warning" };
const OUTSIDE = { alertname: "Outside", severity: "info" };
const groupsOf = (...rules: AlertingRule[]) => [{ name: "g", file: "f", interval: 15, rules }];

describe("fingerprintOf", () => {
  it("is the number that the server shows", () => {
    expect(fingerprintOf({ service: "shop", alertname: "HighLatency" })).toBe("6d49e3b399115d61");
    expect(fingerprintOf({})).toBe("cbf29ce484222325");
  });
});

describe("joinAlerts", () => {
  const joined = joinAlerts(
    groupsOf(
      rule("Down", [ruleAlert(SHOP, "firing"), ruleAlert(CART, "firing")]),
      rule("Slow", [ruleAlert(SLOW, "pending")]),
    ),
    [managed(SHOP), managed(CART, { state: "suppressed", silencedBy: ["s1"] }), managed(OUTSIDE)],
    [{ fingerprint: fingerprintOf(SHOP), by: "alice", at: "2026-08-01T10:01:00Z", until: null, comment: "" }],
  );
  const named = (name: string, service = "") =>
    joined.find((alert) => alert.name === name && (service === "" || alert.service === service));

  it("puts what rules say and what becomes of it together by the label set", () => {
    expect(named("Down", "shop")).toMatchObject({
      state: "firing",
      value: 1.5,
      receivers: ["team", "ops"],
      since: Date.parse("2026-08-01T10:00:00Z") / 1000,
      acknowledged: { by: "alice" },
    });
    expect(named("Down", "cart")).toMatchObject({ silencedBy: ["s1"], acknowledged: null });
  });

  it("tells no receivers of what is pending, and no value of what came from elsewhere", () => {
    expect(named("Slow")).toMatchObject({ state: "pending", receivers: [], service: "web" });
    expect(named("Outside")).toMatchObject({ state: "firing", value: null, rule: null, receivers: ["team", "ops"] });
  });

  it("shows first what fires, the gravest first, and last what nobody is told of", () => {
    expect(joined.map(({ name, service }) => `${name} ${service}`.trim())).toEqual([
      "Down shop",
      "Outside",
      "Slow web",
      "Down cart",
    ]);
    expect(countStates(joined)).toEqual({ firing: 2, pending: 1, suppressed: 1 });
  });

  it("shows an alert once when two rules make it, and when it fires again while Alertmanager still has it", () => {
    const twice = joinAlerts(
      groupsOf(rule("Down", [ruleAlert(SHOP, "firing")]), rule("Down", [ruleAlert(SHOP, "pending")])),
      [managed(SHOP)],
    );
    expect(twice.map(({ state }) => state)).toEqual(["firing"]);
  });

  it("leaves out labels without a value, as the server does before it counts the fingerprint", () => {
    const [alert] = joinAlerts(groupsOf(rule("Down", [ruleAlert({ ...SHOP, zone: "" }, "firing")])), [managed(SHOP)]);
    expect(alert).toMatchObject({ fingerprint: fingerprintOf(SHOP), receivers: ["team", "ops"], labels: SHOP });
  });

  it.each([
    ["severity=warning", ["Slow"]],
    ["state=suppressed", ["Down"]],
    ["state=pending&service=web", ["Slow"]],
    ['matcher=service%3D~"sh.*"', ["Down"]],
    ['matcher=env!%3D"prod"', ["Outside", "Slow"]],
    ["state=bogus", ["Down", "Outside", "Slow", "Down"]],
  ])("filters by the address: %s", (search, names) => {
    const filters = readAlertFilters(new URLSearchParams(search));
    expect(filterAlerts(joined, filters).map(({ name }) => name)).toEqual(names);
  });

  it("says once what all alerts of a group share", () => {
    const [down] = groupAlerts(joined);
    expect(down).toMatchObject({ name: "Down", severity: "critical", common: { env: "prod" } });
    expect(down?.alerts.map((alert) => ownLabels(alert, down))).toEqual([{ service: "shop" }, { service: "cart" }]);
  });

  it("tells which alerts a silence would keep quiet", () => {
    expect(silenced(joined, readMatchers(["alertname=Down", "service!=cart"])).map(({ service }) => service)).toEqual([
      "shop",
    ]);
    expect(silenced(joined, [])).toEqual([]);
  });
});

describe("matchers", () => {
  it.each([
    ['service="shop"', { name: "service", operator: "=", value: "shop" }, 'service="shop"'],
    ["service=~shop|cart", { name: "service", operator: "=~", value: "shop|cart" }, 'service=~"shop|cart"'],
    [' "k8s.pod" !~ "a\\"b" ', { name: "k8s.pod", operator: "!~", value: 'a"b' }, '"k8s.pod"!~"a\\"b"'],
    ['path!="a\\\\b\\nc"', { name: "path", operator: "!=", value: "a\\b\nc" }, 'path!="a\\\\b\\nc"'],
    ["a=", { name: "a", operator: "=", value: "" }, 'a=""'],
  ])("reads and writes %s", (text, matcher, written) => {
    expect(parseMatcher(text)).toEqual(matcher);
    expect(printMatcher(matcher as never)).toBe(written);
  });

  it.each(["", "service", '="shop"', "{a=b}", 'a="b'])("refuses %j", (text) => expect(parseMatcher(text)).toBeNull());

  it("fit the whole value, and a label that is missing is empty", () => {
    expect(matchesAll(readMatchers(["a=~b"]), { a: "bc" })).toBe(false);
    expect(matchesAll(readMatchers(["a=~b.*", 'z=""', "y!=x"]), { a: "bc" })).toBe(true);
    expect(matchesAll(readMatchers(['a=~"("']), { a: "(" })).toBe(false);
  });

  it("of a label set name the alert first", () => {
    expect(matchersOf({ b: "2", alertname: "A" }).map(printMatcher)).toEqual(['alertname="A"', 'b="2"']);
  });
});

describe("severities", () => {
  it("are ordered by how grave they are, and unknown words are not overlooked", () => {
    expect(["", "info", "odd", "page"].sort(bySeverity)).toEqual(["page", "odd", "info", ""]);
    expect(toneOf("CRITICAL")).toBe("critical");
    expect(toneOf("none")).toBe("none");
  });
});

describe("conditionOf", () => {
  it.each([
    ["up == 0", "up", "==", "0"],
    ["(a / b) > 0.05", "a / b", ">", "0.05"],
    ["0.1 < rate(x[5m])", "rate(x[5m])", ">", "0.1"],
    ["1024 * 1024 >= x", "x", "<=", "1024 * 1024"],
    ['a{le!="5",x=~"a > b"} > 10 # > 3', 'a{le!="5",x=~"a > b"}', ">", "10 # > 3"],
    ["a > on (job) group_left (x) b * 2", "a", ">", "b * 2"],
    ["x > 1 and on() y > 5", "x", ">", "1"],
    ["x > 1 unless y", "x", ">", "1"],
    ["((x > 5))", "x", ">", "5"],
    ["10 < x < 20", "x", "<", "20"],
  ])("cuts %s", (expression, value, operator, threshold) => {
    expect(conditionOf(expression)).toEqual({ value, operator, threshold });
  });

  it.each(["absent(up)", "x > bool 5", "a > 1 or b > 2", "sum(x > 5)", "predict_linear(x[1h], 3600)"])(
    "leaves %s whole",
    (expression) => expect(conditionOf(expression)).toEqual({ value: expression, operator: "", threshold: "" }),
  );
});

describe("firings", () => {
  const window = { startSeconds: 0, endSeconds: 3600 };

  it("are runs of times without a hole", () => {
    expect(toIntervals([0, 15, 30, 300, 315, 3600], 15, window)).toEqual([
      { start: 0, end: 30, isOpen: false, isCut: true },
      { start: 300, end: 315, isOpen: false, isCut: false },
      { start: 3600, end: 3600, isOpen: true, isCut: false },
    ]);
    expect(toIntervals([], 15, window)).toEqual([]);
  });

  it("come newest first, with the labels of their alert", () => {
    const firings = toFirings(
      [
        {
          metric: { __name__: "ALERTS", alertname: "A", alertstate: "firing", x: "1" },
          values: [
            [60, "1"],
            [75, "1"],
          ],
        },
        { metric: { alertname: "B", alertstate: "pending" }, values: [[3600, "1"]] },
      ],
      window,
    );
    expect(firings).toMatchObject([
      { labels: { alertname: "B" }, state: "pending", isOpen: true },
      { labels: { alertname: "A", x: "1" }, state: "firing", isOpen: false },
    ]);
    expect(firings.map(firedFor)).toEqual([0, 15]);
  });

  it("are asked for at a step that misses no short one", () => {
    const matchers = readMatchers(["alertname=A", 'team!=""']);
    const url = new URL(firingsAddress(matchers, { startSeconds: 7, endSeconds: 86_407 }), "http://x");
    expect(firingStep({ startSeconds: 0, endSeconds: 86_400 })).toBe(120);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      query: 'ALERTS{alertname="A", team!=""} or last_over_time(ALERTS{alertname="A", team!=""}[120s])',
      start: "120",
      end: "86520",
      step: "120",
    });
    expect(new URL(firingsAddress([], window), "http://x").searchParams.get("query")).toContain("ALERTS{} or");
  });
});

describe("toPieces", () => {
  it("finds the addresses of a text, and nothing that could run", () => {
    expect(toPieces("See (https://x.org/a?b=1) or javascript:alert(1).")).toEqual([
      { text: "See (", href: "" },
      { text: "https://x.org/a?b=1", href: "https://x.org/a?b=1" },
      { text: ") or javascript:alert(1).", href: "" },
    ]);
    expect(toPieces("https://en.org/A_(b).")).toEqual([
      { text: "https://en.org/A_(b)", href: "https://en.org/A_(b)" },
      { text: ".", href: "" },
    ]);
  });
});

describe("the silence form", () => {
  const NOW = Date.parse("2026-08-01T10:00:00Z") / 1000;
  const draft: SilenceDraft = {
    id: "",
    matchers: readMatchers(["alertname=Down"]),
    duration: "4h",
    start: "",
    author: "alice",
    comment: "new disk",
  };

  it.each([
    ["1h", 3600],
    ["1d", 86_400],
    ["1w", 604_800],
    ["1h30m", 5400],
    ["2026-08-01T12:00:00Z", 7200],
  ])("lasts %s", (duration, seconds) => expect(endOf(duration, NOW)).toBe(NOW + seconds));

  it.each(["", "0h", "soon", "2026-08-01T09:00:00Z"])("does not last %j", (text) =>
    expect(endOf(text, NOW)).toBeNull(),
  );

  it("says by field what is missing", () => {
    expect(problemsOf(draft, NOW)).toEqual({});
    expect(Object.keys(problemsOf({ ...draft, comment: " ", author: "", duration: "x" }, NOW))).toEqual([
      "duration",
      "author",
      "comment",
    ]);
    expect(problemsOf({ ...draft, matchers: readMatchers(['a!="b"']) }, NOW).matchers).toMatch(/label/);
    expect(problemsOf({ ...draft, matchers: readMatchers(['a=~"("']) }, NOW).matchers).toMatch(/expression/);
  });

  it("becomes what Alertmanager takes", () => {
    expect(toPosted(draft, NOW)).toEqual({
      matchers: [{ name: "alertname", value: "Down", isRegex: false, isEqual: true }],
      startsAt: "2026-08-01T10:00:00.000Z",
      endsAt: "2026-08-01T14:00:00.000Z",
      createdBy: "alice",
      comment: "new disk",
    });
  });

  it("can be extended", () => {
    const silence = { ...toPosted({ ...draft, id: "s" }, NOW), updatedAt: "", status: { state: "active" } } as Silence;
    expect(extended(silence, 3600)).toMatchObject({ id: "s", endsAt: "2026-08-01T15:00:00.000Z" });
  });
});
