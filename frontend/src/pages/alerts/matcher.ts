/** Matchers of labels as Alertmanager writes them: name="value", with =, !=, =~ and !~; expressions fit the whole value. */
import type { SilenceMatcher } from "../../api/alerting";
import type { LabelSet } from "../../api/prometheus";

export type Operator = "=" | "!=" | "=~" | "!~";

export const OPERATORS: readonly Operator[] = ["=", "!=", "=~", "!~"];

export interface Matcher {
  name: string;
  operator: Operator;
  value: string;
}

const WRITTEN = /^\s*("(?:[^"\\]|\\.)*"|[^\s"=!~{},]+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^"]*?)\s*$/s;

/** Null where the text is no matcher. */
export function parseMatcher(text: string): Matcher | null {
  const [, name = "", operator = "", value = ""] = WRITTEN.exec(text) ?? [];
  if (name === "") return null;
  return { name: unquoted(name), operator: operator as Operator, value: unquoted(value) };
}

function unquoted(text: string): string {
  if (!text.startsWith('"')) return text;
  return text.slice(1, -1).replace(/\\(.)/gs, (_, character: string) => (character === "n" ? "\n" : character));
}

export function printMatcher({ name, operator, value }: Matcher): string {
  const plain = /^[A-Za-z_:][A-Za-z0-9_:]*$/.test(name);
  return `${plain ? name : quoted(name)}${operator}${quoted(value)}`;
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"')}"`;
}

/** What is wrong with it, or "". */
export function problemOf({ name, operator, value }: Matcher): string {
  if (name === "") return "Name the label.";
  if (operator === "=~" || operator === "!~") {
    try {
      new RegExp(value);
    } catch {
      return "This is no regular expression.";
    }
  }
  return "";
}

/** A label that is not there is empty. An expression that this browser cannot read fits nothing. */
export function matches({ name, operator, value }: Matcher, labels: LabelSet): boolean {
  const own = labels[name] ?? "";
  if (operator === "=") return own === value;
  if (operator === "!=") return own !== value;
  try {
    return new RegExp(`^(?:${value})$`, "s").test(own) === (operator === "=~");
  } catch {
    return false;
  }
}

export function matchesAll(matchers: readonly Matcher[], labels: LabelSet): boolean {
  return matchers.every((matcher) => matches(matcher, labels));
}

/** Exactly the labels given, in the order in which people look for them. */
export function matchersOf(labels: LabelSet): Matcher[] {
  return Object.entries(labels)
    .map(([name, value]): Matcher => ({ name, operator: "=", value }))
    .sort((a, b) => Number(b.name === "alertname") - Number(a.name === "alertname") || (a.name < b.name ? -1 : 1));
}

export function readMatchers(texts: readonly string[]): Matcher[] {
  return texts.flatMap((text) => parseMatcher(text) ?? []);
}

/** Alertmanager refuses a silence that would fit alerts without a single label. */
export function silencesEverything(matchers: readonly Matcher[]): boolean {
  return matchers.every((matcher) => matches(matcher, {}));
}

export function toSilenceMatcher({ name, operator, value }: Matcher): SilenceMatcher {
  return { name, value, isRegex: operator.endsWith("~"), isEqual: !operator.startsWith("!") };
}

export function fromSilenceMatcher({ name, value, isRegex, isEqual = true }: SilenceMatcher): Matcher {
  const operator: Operator = isRegex ? (isEqual ? "=~" : "!~") : isEqual ? "=" : "!=";
  return { name, operator, value };
}
