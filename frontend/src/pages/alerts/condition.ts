/**
 * An alert's expression cut in two where it compares, so that a graph can show the value all the time, and not only while
 * the comparison holds. Reads no PromQL beyond brackets, strings, comments and the operators outside of them.
 */

export interface Condition {
  /** The side whose value the alert shows. */
  value: string;
  /** The other side; "" where the expression does not compare. */
  threshold: string;
  /** As if the value stood at the left; "" where the expression does not compare. */
  operator: string;
}

interface Token {
  text: string;
  start: number;
  end: number;
}

const COMPARISONS = ["==", "!=", ">=", "<=", ">", "<"];
const MIRRORED: Record<string, string> = { ">": "<", "<": ">", ">=": "<=", "<=": ">=" };
const NUMBER = /^[-+]?\(*\s*[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?[\d\s+\-*/^.()e]*$/i;

export function conditionOf(expression: string): Condition {
  const text = unwrapped(expression);
  const whole = { value: text, threshold: "", operator: "" };
  const tokens = outerTokens(text);
  // The values of "a and b" and "a unless b" are those of a; "a or b" has two kinds of them.
  if (tokens.some((token) => token.text === "or")) return whole;
  const set = tokens.find((token) => token.text === "and" || token.text === "unless");
  if (set) return conditionOf(text.slice(0, set.start));
  const compared = tokens.filter((token) => COMPARISONS.includes(token.text));
  const last = compared.at(-1);
  if (!last) return whole;
  let left = text.slice(0, last.start).trim();
  let right = text.slice(last.end).trim();
  if (/^bool\b/.test(right)) return whole;
  right = withoutMatching(right);
  if (left === "" || right === "") return whole;
  // "a > 1 < 5" is a value between two: the graph shows the value and the outer bound.
  if (compared.length > 1) left = conditionOf(left).value;
  if (NUMBER.test(left) && !NUMBER.test(right)) {
    return { value: unwrapped(right), threshold: left, operator: MIRRORED[last.text] ?? last.text };
  }
  return { value: unwrapped(left), threshold: unwrapped(right), operator: last.text };
}

/** Without the words between a comparison and its right side that say which series belong together. */
function withoutMatching(text: string): string {
  return text
    .replace(/^(on|ignoring)\s*\([^)]*\)\s*/i, "")
    .replace(/^(group_left|group_right)\b\s*(\([^)]*\)\s*)?/i, "")
    .trim();
}

/** Without brackets about all of it. */
function unwrapped(text: string): string {
  const trimmed = text.trim();
  if (!trimmed.startsWith("(") || closing(trimmed, 0) !== trimmed.length - 1) return trimmed;
  return unwrapped(trimmed.slice(1, -1));
}

function closing(text: string, open: number): number {
  let depth = 0;
  for (let index = open; index < text.length; ) {
    const skipped = skip(text, index);
    if (skipped > index) {
      index = skipped;
      continue;
    }
    const character = text[index] as string;
    if ("([{".includes(character)) depth += 1;
    if (")]}".includes(character)) {
      depth -= 1;
      if (depth === 0) return index;
    }
    index += 1;
  }
  return -1;
}

/** The operators that stand outside of all brackets. */
function outerTokens(text: string): Token[] {
  const found: Token[] = [];
  for (let index = 0; index < text.length; ) {
    const skipped = skip(text, index);
    if (skipped > index) {
      index = skipped;
      continue;
    }
    if ("([{".includes(text[index] as string)) {
      const end = closing(text, index);
      if (end < 0) return [];
      index = end + 1;
      continue;
    }
    const word = /^[A-Za-z_:][A-Za-z0-9_:.]*/.exec(text.slice(index))?.[0];
    const token = word ?? COMPARISONS.find((operator) => text.startsWith(operator, index));
    if (token) {
      found.push({ text: word ? token.toLowerCase() : token, start: index, end: index + token.length });
      index += token.length;
    } else {
      index += 1;
    }
  }
  return found;
}

/** The place behind a string or a comment that begins here; the same place where none does. */
function skip(text: string, index: number): number {
  const quote = text[index] as string;
  if (quote === "#") {
    const end = text.indexOf("\n", index);
    return end < 0 ? text.length : end;
  }
  if (quote !== '"' && quote !== "'" && quote !== "`") return index;
  for (let at = index + 1; at < text.length; at++) {
    if (text[at] === "\\" && quote !== "`") at += 1;
    else if (text[at] === quote) return at + 1;
  }
  return text.length;
}
