/** Runs, pings and expectations in words, and how much they ask to be looked at. */
import type { AutomatedResponse, Expectation, Outcome, Ping, ResponseRun } from "../../api/automation";
import type { LabelSet } from "../../api/prometheus";
import { formatAgo } from "../../time/format";
import { shortDuration, toSeconds } from "../rules/rule-list";

/** `good` needs nobody, `plain` is not decided yet, `warn` may need somebody, `bad` does. */
export type Tone = "good" | "plain" | "warn" | "bad";

export interface Told {
  tone: Tone;
  /** One or two words. */
  state: string;
  /** The rest of the sentence. */
  about: string;
}

const OUTCOMES: Record<Outcome, { tone: Tone; word: string; about: string }> = {
  begun: { tone: "plain", word: "running", about: "" },
  ok: { tone: "good", word: "ok", about: "" },
  failed: { tone: "bad", word: "failed", about: "" },
  "timed out": { tone: "bad", word: "timed out", about: "" },
  refused: { tone: "warn", word: "refused", about: "It was not begun." },
  limited: { tone: "warn", word: "limited", about: "It was not begun, and is not made up for." },
  stopped: { tone: "warn", word: "stopped", about: "It is not repeated." },
  "in doubt": { tone: "warn", word: "in doubt", about: "Nobody knows whether it was done; it is not repeated." },
};

export function outcomeOf({ outcome, detail }: ResponseRun): Told {
  // An outcome that a newer server tells of is told as it is.
  const { tone, word, about } = OUTCOMES[outcome] ?? { tone: "plain", word: outcome, about: "" };
  return { tone, state: word, about: [detail, about].filter(Boolean).join(". ").replaceAll("..", ".") };
}

/** Nanoseconds; null while it runs, where nothing was begun, and where nobody knows when it ended. */
export function tookNano({ begun_at, ended_at, outcome }: ResponseRun): number | null {
  if (outcome === "in doubt") return null;
  const [begun, ended] = [toSeconds(begun_at ?? ""), toSeconds(ended_at ?? "")];
  return begun === null || ended === null || ended <= begun ? null : Math.round((ended - begun) * 1e9);
}

/** The program and its arguments in one line; an argument with white space in it is quoted. */
export function commandText(command: readonly string[]): string {
  return command.map((part) => (part === "" || /\s/.test(part) ? `"${part}"` : part)).join(" ");
}

export function boundsText({ at_most, timeout_seconds, command }: AutomatedResponse): string {
  const end = command ? "killed" : "given up";
  const most = `at most ${at_most.runs} in ${shortDuration(at_most.window_seconds)}`;
  return `${most}, ${end} after ${shortDuration(timeout_seconds)}`;
}

/** Labels that set an alert apart from others of its name, and how many more there are. */
export function apartOf(labels: LabelSet, most: number): { shown: LabelSet; more: number } {
  const others = Object.entries(labels).filter(([name]) => name !== "alertname");
  return { shown: Object.fromEntries(others.slice(0, most)), more: Math.max(0, others.length - most) };
}

export function pingOf(ping: Ping, nowSeconds: number): Told {
  const { state, error, last_attempt_at, last_arrival_at } = ping;
  const arrived = agoText(last_arrival_at, nowSeconds);
  const arrival = arrived ? `The last call arrived ${arrived}.` : "No call has arrived since Sonde began.";
  switch (state) {
    case "fine":
      return { tone: "good", state: "fine", about: arrival };
    case "waiting":
      return { tone: "plain", state: last_attempt_at ? "calling" : "not called yet", about: "" };
    case "held":
      return { tone: "bad", state: "not pinging", about: `because ${ended(error)} ${arrival}` };
    case "failing":
      return { tone: "bad", state: "failing", about: `${ended(error)} ${arrival}` };
    case "late":
      return { tone: "bad", state: "late", about: arrival };
  }
}

export function expectationOf(expectation: Expectation, nowSeconds: number): Told {
  const { state, last_came_at, missing_since, due_at } = expectation;
  const came = agoText(last_came_at, nowSeconds);
  const due = toSeconds(due_at ?? "");
  const deadline = due === null ? "" : `, and is missing ${inText(due - nowSeconds)} if it does not come`;
  switch (state) {
    case "missing": {
      const last = came ? `It last came ${came}.` : "It never came.";
      return { tone: "bad", state: "missing", about: `since ${agoText(missing_since, nowSeconds)}. ${last}` };
    }
    case "fine":
      return { tone: "good", state: "fine", about: `It last came ${came}${deadline}.` };
    case "waiting":
      return { tone: "plain", state: "waiting", about: `It never came so far${deadline}.` };
  }
}

/** "3 min ago"; "" for never. */
export function agoText(moment: string | null, nowSeconds: number): string {
  const seconds = toSeconds(moment ?? "");
  return seconds === null ? "" : formatAgo(seconds, nowSeconds);
}

/** "in 3 h", and "any moment" for what should have been. */
export function inText(seconds: number): string {
  if (seconds < 1) return "any moment";
  if (seconds < 60) return `in ${Math.floor(seconds)} s`;
  if (seconds < 3600) return `in ${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `in ${Math.floor(seconds / 3600)} h`;
  return `in ${Math.floor(seconds / 86_400)} d`;
}

function ended(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
