/** Labels as people type them: a=b, c="d, e". */
import type { LabelSet } from "../../api/prometheus";

export interface ReadLabels {
  labels: LabelSet;
  /** What is wrong with the text, or "". */
  problem: string;
}

const PAIR = /^\s*("(?:[^"\\]|\\.)*"|[^\s"=,{}!~]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^",]*?)\s*(,|$)/s;

export function parseLabels(text: string): ReadLabels {
  const labels: LabelSet = {};
  let rest = text
    .trim()
    .replace(/^\{(.*)\}$/s, "$1")
    .trim();
  while (rest !== "") {
    const [all = "", name = "", value = ""] = PAIR.exec(rest) ?? [];
    if (all === "") return { labels, problem: `Write labels as name=value, with commas between; not ${rest}` };
    labels[unquoted(name)] = unquoted(value);
    rest = rest.slice(all.length).trim();
  }
  return { labels, problem: "" };
}

/** So that `parseLabels` reads it again; the name of the alert first. */
export function printLabels(labels: LabelSet): string {
  return Object.entries(labels)
    .sort(([a], [b]) => Number(b === "alertname") - Number(a === "alertname") || (a < b ? -1 : 1))
    .map(([name, value]) => `${/^[^\s"=,{}!~]+$/.test(name) ? name : quoted(name)}=${plain(value)}`)
    .join(", ");
}

function plain(value: string): string {
  return /^[^\s",\\{}]+$/.test(value) ? value : quoted(value);
}

function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"')}"`;
}

function unquoted(text: string): string {
  if (!text.startsWith('"')) return text;
  return text.slice(1, -1).replace(/\\(.)/gs, (_, character: string) => (character === "n" ? "\n" : character));
}
