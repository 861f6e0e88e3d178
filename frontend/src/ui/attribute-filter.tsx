/** Adds attribute filters with completion of keys and values, and shows those there are as chips. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { address } from "../api/client";
import { useResource } from "../api/resource";
import type { AttributeKeys, AttributeValues } from "../api/types";
import type { TimeWindow } from "../time/range";
import {
  type AttributeExpression,
  OPERATORS,
  parseExpression,
  printExpression,
  scopedKey,
} from "./attribute-expression";
import { Combobox, type Suggestion } from "./combobox";
import { Icon } from "./icon";
import { formatCount } from "./number";

interface Props {
  signal: "spans" | "logs";
  window: TimeWindow;
  filters: readonly string[];
  onChange(filters: string[]): void;
}

export function AttributeFilter({ signal, window: shown, filters, onChange }: Props) {
  const [text, setText] = useState("");
  const [used, setUsed] = useState(false);
  const suggestions = useSuggestions(signal, shown, text, used);
  const add = (expression: AttributeExpression) => {
    const added = printExpression(expression);
    if (!filters.includes(added)) onChange([...filters, added]);
    setText("");
  };
  const commit = (typed: string) => {
    const expression = parseExpression(typed);
    if (expression && expression.value !== "") add(expression);
    else if (typed.trim() !== "" && !expression) setText(`${typed.trim()}=`);
  };
  // A key asks for its value next; a value may be empty, if that is what is stored.
  const take = ({ value }: Suggestion) => {
    const expression = parseExpression(value);
    if (expression) add(expression);
    else setText(`${value}=`);
  };
  return (
    <div onFocusIn={() => setUsed(true)}>
      <Combobox
        label="Add attribute filter"
        placeholder="+ attribute = value"
        class="attribute-input"
        text={text}
        suggestions={suggestions}
        onText={setText}
        onCommit={commit}
        onTake={take}
      />
    </div>
  );
}

export function FilterChips({ filters, onChange }: Pick<Props, "filters" | "onChange">) {
  return (
    <>
      {filters.map((text) => {
        const expression = parseExpression(text);
        return (
          <span key={text} class={expression?.operator.startsWith("!") ? "chip chip-exclude" : "chip"}>
            {expression ? (
              <span class="chip-text">
                <span class="muted">{expression.key}</span> <b>{expression.operator}</b> {expression.value}
              </span>
            ) : (
              <span class="chip-text">{text}</span>
            )}
            <button
              type="button"
              class="chip-remove"
              aria-label={`Remove filter ${text}`}
              onClick={() => onChange(filters.filter((other) => other !== text))}
            >
              <Icon name="close" size={12} />
            </button>
          </span>
        );
      })}
    </>
  );
}

function useSuggestions(signal: string, shown: TimeWindow, text: string, used: boolean): Suggestion[] {
  const expression = parseExpression(text);
  const [prefix, setPrefix] = useState("");
  const typed = expression?.value ?? "";
  useEffect(() => {
    const timer = window.setTimeout(() => setPrefix(typed), 150);
    return () => window.clearTimeout(timer);
  }, [typed]);
  const range = { start: shown.startSeconds, end: shown.endSeconds };
  const keys = useResource<AttributeKeys>(used ? address("/attributes", { signal, ...range }) : null);
  const known = useMemo(
    () =>
      (keys.data?.keys ?? []).map(({ scope, key, count, type }) => ({
        name: scopedKey(scope as "span" | "log" | "resource", key),
        scope,
        key,
        count,
        type,
      })),
    [keys.data],
  );
  const chosen = expression ? known.find(({ name }) => name === expression.key) : undefined;
  const values = useResource<AttributeValues>(
    used && chosen
      ? address("/attributes/values", { signal, scope: chosen.scope, key: chosen.key, prefix, limit: 20, ...range })
      : null,
  );
  if (!expression) {
    const wanted = text.trim().toLowerCase();
    return known
      .filter(({ name }) => name.toLowerCase().includes(wanted))
      .slice(0, 40)
      .map(({ name, type, count }) => ({ value: name, note: `${type} · ${formatCount(count)}` }));
  }
  if (!OPERATORS.includes(expression.operator) || !chosen) return [];
  return (values.data?.values ?? []).map(({ value, count }) => ({
    value: printExpression({ ...expression, value }),
    note: value === "" ? `empty · ${formatCount(count)}` : formatCount(count),
  }));
}
