/** Attribute filters as the API takes them: `key=value`, and != =~ !~ > >= < <=. */
import type { AttributeValue } from "../api/types";

export const OPERATORS = ["!=", "!~", "=~", ">=", "<=", "=", ">", "<"] as const;
export type Operator = (typeof OPERATORS)[number];

export interface AttributeExpression {
  key: string;
  operator: Operator;
  value: string;
}

/** Splits at the first operator; null where there is none or nothing before it. */
export function parseExpression(text: string): AttributeExpression | null {
  for (let index = 1; index < text.length; index++) {
    const operator = OPERATORS.find((candidate) => text.startsWith(candidate, index));
    if (operator) {
      const key = text.slice(0, index).trim();
      return key ? { key, operator, value: text.slice(index + operator.length).trim() } : null;
    }
  }
  return null;
}

export function printExpression({ key, operator, value }: AttributeExpression): string {
  return `${key}${operator}${value}`;
}

/** The filters with `key operator value` added; what it replaces or contradicts goes. */
export function addExpression(filters: readonly string[], added: AttributeExpression): string[] {
  const opposite = added.operator === "=" ? "!=" : "=";
  const kept = filters.filter((text) => {
    const expression = parseExpression(text);
    return !(
      expression &&
      expression.key === added.key &&
      expression.value === added.value &&
      expression.operator === opposite
    );
  });
  const text = printExpression(added);
  return kept.includes(text) ? kept : [...kept, text];
}

/** The value of an attribute as the text of a filter; null for lists and maps, which no filter equals. */
export function filterValue(value: AttributeValue): string | null {
  return value === null || typeof value === "object" ? null : String(value);
}

/** The key as a filter names it: `scope` is said where it is needed to tell. */
export function scopedKey(scope: "span" | "log" | "resource", key: string): string {
  if (scope === "resource") return `resource.${key}`;
  return /^(span|log|resource)\./.test(key) ? `${scope}.${key}` : key;
}
