import { describe, expect, it } from "vitest";
import type { AlertingRule, OnCall, RecordingRule, RouteNode, RuleGroup, Slo, Turn } from "../src/api/rules";
import { DAY, overridesOf, problemOf, toLine } from "../src/pages/on-call/timeline";
import { kindsText } from "../src/pages/routes/kind";
import { parseLabels, printLabels } from "../src/pages/routes/label-text";
import { cut, layOut, timingText } from "../src/pages/routes/tree-layout";
import {
  countRules,
  load,
  readRuleFilters,
  secondsToNextTurn,
  shortDuration,
  stateOf,
  toFiles,
} from "../src/pages/rules/rule-list";
import { alarms, budgetText, budgetTone, burnText, goodText, inOrder, targetText } from "../src/pages/slos/figure";
import { matchRoute } from "../src/router/routes";

const recording: RecordingRule = {
  type: "recording",
  name: "job:errors:rate5m",
  query: "sum by (job) (rate(errors_total[5m]))",
  labels: {},
  health: "ok",
  evaluationTime: 0.001,
  lastEvaluation: "2026-08-01T10:00:00Z",
};

function alerting(name: string, state: AlertingRule["state"], others: Partial<AlertingRule> = {}): AlertingRule {
  const own = { duration: 60, keepFiringFor: 0, annotations: { summary: "Disk" }, alerts: null, state };
  return { ...recording, type: "alerting", name, ...own, ...others } as AlertingRule;
}

function group(name: string, file: string, rules: RuleGroup["rules"], others: Partial<RuleGroup> = {}): RuleGroup {
  const own = { interval: 60, limit: 0, evaluationTime: 30, lastEvaluation: "2026-08-01T10:00:00Z" };
  return { name, file, rules, ...own, ...others };
}

const GROUPS = [
  group("a", "one.yml", [alerting("Down", "firing"), recording]),
  group("b", "two.yml", [alerting("Full", "unknown", { health: "unknown" })]),
  group("c", "one.yml", [alerting("Slow", "inactive", { health: "err", lastError: "parse error" })]),
  group("empty", "two.yml", []),
];

describe("rules", () => {
  const shown = (search: string) =>
    toFiles(GROUPS, readRuleFilters(new URLSearchParams(search))).map(({ file, groups }) => [
      file,
      groups.map(({ group: own, rules }) => `${own.name}:${rules.map(({ name }) => name).join()}`).join(" "),
    ]);
  it.each([
    [
      "",
      [
        ["one.yml", "a:Down,job:errors:rate5m c:Slow"],
        ["two.yml", "b:Full empty:"],
      ],
    ],
    ["state=firing", [["one.yml", "a:Down"]]],
    [
      "state=inactive",
      [
        ["two.yml", "b:Full"],
        ["one.yml", "c:Slow"],
      ],
    ],
    ["state=recording", [["one.yml", "a:job:errors:rate5m"]]],
    ["health=err", [["one.yml", "c:Slow"]]],
    ["search=PARSE+one", [["one.yml", "c:Slow"]]],
    ["search=nowhere", []],
    ["state=nonsense&health=nonsense&search=full", [["two.yml", "b:Full"]]],
  ])("for %j are %j", (search, files) => {
    expect(shown(search)).toEqual(files);
  });
  it("are counted by state and health", () => {
    expect(countRules(GROUPS)).toEqual({
      all: 4,
      states: { firing: 1, pending: 0, inactive: 2, recording: 1 },
      health: { err: 1, unknown: 1, ok: 2 },
    });
    expect(stateOf(alerting("x", "pending"))).toBe("pending");
  });
  it("have a next turn once they had one, until it is late", () => {
    const at = Date.parse("2026-08-01T10:00:20Z") / 1000;
    const [first] = GROUPS as [RuleGroup];
    expect(secondsToNextTurn(first, at)).toBe(40);
    expect(secondsToNextTurn(first, at + 60)).toBeNull();
    expect(secondsToNextTurn({ ...first, lastEvaluation: "0001-01-01T00:00:00Z" }, at)).toBeNull();
    expect(load(first)).toBe(0.5);
  });
  it.each([
    [0, "0s"],
    [0.25, "250ms"],
    [90, "1m30s"],
    [14_400, "4h"],
    [93_600, "1d2h"],
  ])("write %d seconds as %s", (seconds, text) => {
    expect(shortDuration(seconds)).toBe(text);
  });
});

describe("labels of an alert", () => {
  it.each([
    ["", {}],
    ["a=b", { a: "b" }],
    [' a = b , c="d, e" ', { a: "b", c: "d, e" }],
    ['{alertname="Down", "k8s.pod"="x\\"y\\n"}', { alertname: "Down", "k8s.pod": 'x"y\n' }],
    ["a=", { a: "" }],
    ["a=two words, b=1", { a: "two words", b: "1" }],
  ])("%j are read", (text, labels) => {
    expect(parseLabels(text)).toEqual({ labels, problem: "" });
    expect(parseLabels(printLabels(labels))).toEqual({ labels, problem: "" });
  });
  it.each(["a", "=b", 'a="b', "a=b,,c=d"])("%j are none", (text) => {
    expect(parseLabels(text).problem).toMatch(/^Write labels as name=value/);
  });
  it("are written with the name of the alert first", () => {
    expect(printLabels({ zone: "a b", alertname: "Down" })).toBe('alertname=Down, zone="a b"');
  });
});

function route(id: string, routes: RouteNode[] = [], others: Partial<RouteNode> = {}): RouteNode {
  return {
    id,
    matchers: [`id="${id}"`],
    receiver: id,
    continue: false,
    group_by: [],
    group_wait_seconds: 30,
    group_interval_seconds: 300,
    repeat_interval_seconds: 14_400,
    mute_time_intervals: [],
    active_time_intervals: [],
    muted_by: [],
    firing: 0,
    routes,
    ...others,
  };
}

describe("the tree of routes", () => {
  const tall = route("tall", [route("only")], { matchers: ["a", "b", "c"], muted_by: ["nights"], continue: true });
  const root = route("root", [tall, route("x", [route("y"), route("z")]), tall, route("last")], { matchers: [] });
  it.each([1200, 800, 400, 200])("has no route upon another in a width of %d", (width) => {
    const { routes, height } = layOut(root, new Map([["x", ["slack", "slack"]]]), width);
    expect(routes.map(({ route: own }) => own.id)).toEqual("root tall only x y z tall only last".split(" "));
    for (const [index, a] of routes.entries()) {
      expect(a.y >= 0 && a.y + a.height <= height).toBe(true);
      for (const b of routes.slice(index + 1)) {
        const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
        expect([a.route.id, b.route.id, apart]).toEqual([a.route.id, b.route.id, true]);
      }
    }
  });
  it("fits a phone, and says everything to those who do not see it", () => {
    const { routes, width, isNarrow } = layOut(root, new Map([["x", ["slack", "slack"]]]), 360);
    expect([isNarrow, width]).toEqual([true, 360]);
    expect(routes[3]?.label).toBe(
      'id="x": to x; 2 × Slack; all in one group; waits 30s, tells changes every 5m, repeats after 4h',
    );
    expect(timingText(root)).toBe("waits 30s, tells changes every 5m, repeats after 4h");
  });
  it("cuts what does not fit", () => {
    expect(cut("short", 200, "plain")).toBe("short");
    expect(cut("x".repeat(80), 100, "matcher")).toBe(`${"x".repeat(9)}…`);
  });
  it("names services as people do", () => {
    expect(kindsText(["slack", "email", "slack", "own"])).toBe("2 × Slack, E-mail, own");
    expect(kindsText([])).toBe("tells nobody");
  });
});

describe("objectives", () => {
  it.each([
    [null, "no data"],
    [1, "100%"],
    [0.99999, "99.999%"],
    [0.9995, "99.95%"],
    [0.998999, "99.899%"],
    [0.5, "50%"],
    [0, "0%"],
  ])("keep %s as %s", (share, text) => {
    expect(goodText(share)).toBe(text);
  });
  it("never round a share up to the promise", () => {
    expect(goodText(0.99899999)).not.toBe("99.9%");
    expect(goodText(0.9999999999)).not.toBe("100%");
    expect(targetText(0.9995)).toBe("99.95%");
  });
  it.each([
    [null, "no data", "none"],
    [1, "100%", "good"],
    [0.249, "25%", "warn"],
    [0.004, "0.4%", "warn"],
    [0, "0%", "bad"],
    [-0.35, "-35%", "bad"],
  ])("with %s of the budget left say %s in a %s tone", (left, text, tone) => {
    expect([budgetText(left), budgetTone(left)]).toEqual([text, tone]);
  });
  it.each([
    [null, "no data"],
    [0, "0×"],
    [0.001, "<0.01×"],
    [14.44, "14.4×"],
    [1000, "1000×"],
  ])("burn %s as %s", (burn, text) => {
    expect(burnText(burn)).toBe(text);
  });
  const slo = (name: string, left: number | null, state: "firing" | "inactive"): Slo =>
    ({
      name,
      service: "s",
      budget_left: left,
      burn_rates: [{ severity: "critical", factor: 14.4, long_window: "1h", state }],
      alerts: [{ name: "SLOBudgetPolicy", severity: "warning", state: "pending", budget_below: "25%" }],
    }) as Slo;
  it("come in the order in which they need somebody; those without data last", () => {
    const all = [
      slo("a", null, "inactive"),
      slo("b", 0.9, "inactive"),
      slo("c", 0.1, "inactive"),
      slo("d", 0.5, "firing"),
    ];
    expect(inOrder(all).map(({ name }) => name)).toEqual(["d", "c", "b", "a"]);
    expect(alarms(slo("d", 0.5, "firing")).map(({ text }) => text)).toEqual([
      "burns more than 14.4× over 1h",
      "less than 25% left",
    ]);
  });
  it("have pages of their own, whatever they are called", () => {
    expect(matchRoute("/slos/shop/check%2Fout")).toEqual({ page: "slo", service: "shop", name: "check/out" });
    expect(matchRoute("/slos/100%/a")).toEqual({ page: "slo", service: "100%", name: "a" });
  });
});

describe("who is on call", () => {
  const start = Date.parse("2026-08-01T00:00:00Z") / 1000;
  const turn = (person: string, from: number, to: number, others: Partial<Turn> = {}): Turn => ({
    person,
    since: new Date((start + from * DAY) * 1000).toISOString(),
    until: new Date((start + to * DAY) * 1000).toISOString(),
    is_override: false,
    ...others,
  });
  const rotation = {
    name: "primary",
    time_zone: "UTC",
    handoff: "Monday 09:00",
    now: turn("alice", -3, 2),
    upcoming: [turn("carol", 2, 3, { is_override: true }), turn("bob", 3, 10), turn("alice", 20, 27)],
  };
  it("is a line of two weeks", () => {
    const { turns } = toLine(rotation, start + DAY, start);
    expect(turns.map(({ turn: own, from, to, isNow }) => [own.person, from * 14, to * 14, isNow])).toEqual([
      ["alice", 0, 2, true],
      ["carol", 2, 3, false],
      ["bob", 3, 10, false],
    ]);
  });
  it("may stand in for somebody else", () => {
    const override = (id: string, from: number, to: number) => {
      const { person, since, until } = turn("carol", from, to);
      return { id, rotation: "primary", person, since, until, by: "ann" };
    };
    const overrides = [override("past", -2, -1), override("late", 5, 6), override("now", -1, 1)];
    const onCall: OnCall = { rotations: [rotation], escalations: [], people: [], overrides };
    expect(overridesOf(onCall, start).map(({ id }) => id)).toEqual(["now", "late"]);
  });
  it.each([
    ["2026-08-01T09:00", "2026-08-01T21:00", ""],
    ["2026-08-01T09:00", "2026-08-01T09:00", "The end must be after the beginning."],
    ["", "2026-08-01T09:00", "Say from when until when."],
  ])("from %j until %j: %j", (since, until, problem) => {
    expect(problemOf(since, until)).toBe(problem);
  });
});
