import { describe, expect, it } from "vitest";
import type { AutomatedResponse, Expectation, Outcome, Ping, ResponseRun } from "../src/api/automation";
import {
  agoText,
  apartOf,
  boundsText,
  commandText,
  expectationOf,
  inText,
  outcomeOf,
  pingOf,
  tookNano,
} from "../src/pages/automation/words";
import { matchRoute } from "../src/router/routes";

const NOW = Date.parse("2026-08-01T12:00:00Z") / 1000;
const at = (secondsAgo: number) => new Date((NOW - secondsAgo) * 1000).toISOString();

const run: ResponseRun = {
  id: "r1",
  fingerprint: "00000000000000ab",
  labels: { alertname: "Down" },
  fires_since: at(70),
  begun_at: at(60),
  ended_at: at(58.5),
  outcome: "ok",
  detail: "/bin/echo: exit status 0",
  output: "",
  output_is_cut: false,
};

describe("a run", () => {
  it.each<[Outcome, string, string, string]>([
    ["begun", "plain", "running", "/bin/echo: exit status 0"],
    ["ok", "good", "ok", "/bin/echo: exit status 0"],
    ["failed", "bad", "failed", "/bin/echo: exit status 0"],
    ["timed out", "bad", "timed out", "/bin/echo: exit status 0"],
    ["refused", "warn", "refused", "/bin/echo: exit status 0. It was not begun."],
    ["limited", "warn", "limited", "/bin/echo: exit status 0. It was not begun, and is not made up for."],
    ["stopped", "warn", "stopped", "/bin/echo: exit status 0. It is not repeated."],
    ["in doubt", "warn", "in doubt", "/bin/echo: exit status 0. Nobody knows whether it was done; it is not repeated."],
    ["eaten" as Outcome, "plain", "eaten", "/bin/echo: exit status 0"],
  ])("that is %j is told as %s", (outcome, tone, state, about) => {
    expect(outcomeOf({ ...run, outcome })).toEqual({ tone, state, about });
  });
  it.each([
    [run, 1_500_000_000],
    [{ ...run, ended_at: null }, null],
    [{ ...run, ended_at: run.begun_at }, null],
    [{ ...run, outcome: "in doubt" as const }, null],
  ])("took as long as it did", (each, nano) => {
    expect(tookNano(each)).toBe(nano);
  });
  it("is of an alert with labels, of which a few are shown", () => {
    expect(apartOf({ alertname: "Down", a: "1", b: "2", c: "3" }, 2)).toEqual({ shown: { a: "1", b: "2" }, more: 1 });
    expect(apartOf({ alertname: "Down" }, 2)).toEqual({ shown: {}, more: 0 });
  });
});

describe("a response", () => {
  const response: AutomatedResponse = {
    name: "restart",
    matchers: [],
    command: ["/bin/restart"],
    webhook: null,
    timeout_seconds: 30,
    at_most: { runs: 3, window_seconds: 3600 },
    run_count: 0,
    runs: [],
  };
  it.each([
    [["/bin/restart", "{{ .Labels.instance }}", "now"], '/bin/restart "{{ .Labels.instance }}" now'],
    [["/bin/restart", ""], '/bin/restart ""'],
  ])("%j is %s in one line", (command, text) => {
    expect(commandText(command)).toBe(text);
  });
  it("has bounds", () => {
    expect(boundsText(response)).toBe("at most 3 in 1h, killed after 30s");
    expect(boundsText({ ...response, command: null })).toBe("at most 3 in 1h, given up after 30s");
  });
});

describe("a ping", () => {
  const ping: Ping = {
    name: "outside",
    host: "hc.example.org",
    problem: "",
    method: "GET",
    every_seconds: 60,
    state: "fine",
    last_attempt_at: at(20),
    last_arrival_at: at(20),
    error: "",
  };
  it.each<[Partial<Ping>, string, string, string]>([
    [{}, "good", "fine", "The last call arrived 20 s ago."],
    [{ state: "waiting", last_attempt_at: null, last_arrival_at: null }, "plain", "not called yet", ""],
    [{ state: "waiting", last_arrival_at: null }, "plain", "calling", ""],
    [
      { state: "held", error: "rules: no evaluation for 5m" },
      "bad",
      "not pinging",
      "because rules: no evaluation for 5m. The last call arrived 20 s ago.",
    ],
    [
      { state: "failing", error: "it answered 500.", last_arrival_at: null },
      "bad",
      "failing",
      "it answered 500. No call has arrived since Sonde began.",
    ],
    [{ state: "late", last_arrival_at: at(7200) }, "bad", "late", "The last call arrived 2 h ago."],
  ])("%j is told as %s", (changes, tone, state, about) => {
    expect(pingOf({ ...ping, ...changes }, NOW)).toEqual({ tone, state, about });
  });
});

describe("what must come", () => {
  const mail: Expectation = {
    name: "mail",
    matchers: [],
    within_seconds: 600,
    receivers: [],
    alert_labels: { alertname: "HeartbeatMissing", watchdog: "mail" },
    state: "fine",
    last_came_at: at(120),
    missing_since: null,
    due_at: at(-480),
  };
  it.each<[Partial<Expectation>, string, string, string]>([
    [{}, "good", "fine", "It last came 2 min ago, and is missing in 8 min if it does not come."],
    [
      { state: "waiting", last_came_at: null },
      "plain",
      "waiting",
      "It never came so far, and is missing in 8 min if it does not come.",
    ],
    [{ state: "waiting", last_came_at: null, due_at: null }, "plain", "waiting", "It never came so far."],
    [
      { state: "missing", missing_since: at(3700), due_at: null },
      "bad",
      "missing",
      "since 1 h ago. It last came 2 min ago.",
    ],
    [
      { state: "missing", missing_since: at(90), last_came_at: null, due_at: null },
      "bad",
      "missing",
      "since 1 min ago. It never came.",
    ],
  ])("%j is told as %s", (changes, tone, state, about) => {
    expect(expectationOf({ ...mail, ...changes }, NOW)).toEqual({ tone, state, about });
  });
});

describe("times to come and past", () => {
  it.each([
    [-3, "any moment"],
    [0.5, "any moment"],
    [59, "in 59 s"],
    [3599, "in 59 min"],
    [86_399, "in 23 h"],
    [200_000, "in 2 d"],
  ])("%d seconds are %s", (seconds, text) => {
    expect(inText(seconds)).toBe(text);
  });
  it("are nothing where there was none", () => {
    expect(agoText(null, NOW)).toBe("");
  });
  it("have a page", () => {
    expect(matchRoute("/alerts/automation")).toEqual({ page: "automation" });
  });
});
