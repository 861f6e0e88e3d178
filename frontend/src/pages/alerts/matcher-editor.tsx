/** Matchers to be changed one by one: label, operator, value; the labels and values of present alerts are suggested. */
import { useId } from "preact/hooks";
import type { LabelSet } from "../../api/prometheus";
import { Icon } from "../../ui/icon";
import { type Matcher, OPERATORS, type Operator, problemOf } from "./matcher";

interface Props {
  matchers: readonly Matcher[];
  labels: readonly LabelSet[];
  onChange(matchers: Matcher[]): void;
}

const EMPTY: Matcher = { name: "", operator: "=", value: "" };
const SUGGESTED = 50;

export function MatcherEditor({ matchers, labels, onChange }: Props) {
  const id = useId();
  const rows = matchers.length > 0 ? matchers : [EMPTY];
  const change = (index: number, next: Partial<Matcher>) =>
    onChange(rows.map((matcher, other) => (other === index ? { ...matcher, ...next } : matcher)));
  const names = [...new Set(labels.flatMap(Object.keys))].sort();
  return (
    <div class="matcher-editor">
      <datalist id={`${id}-names`}>
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {rows.map((matcher, index) => {
        const values = [...new Set(labels.flatMap((set) => set[matcher.name] ?? []))].sort().slice(0, SUGGESTED);
        return (
          <div key={index} class="matcher-row">
            <input
              class="input"
              aria-label={`Label ${index + 1}`}
              placeholder="label"
              list={`${id}-names`}
              spellcheck={false}
              autocomplete="off"
              value={matcher.name}
              onInput={(event) => change(index, { name: event.currentTarget.value.trim() })}
            />
            <select
              class="select"
              aria-label={`Operator ${index + 1}`}
              value={matcher.operator}
              onChange={(event) => change(index, { operator: event.currentTarget.value as Operator })}
            >
              {OPERATORS.map((operator) => (
                <option key={operator} value={operator}>
                  {operator}
                </option>
              ))}
            </select>
            <datalist id={`${id}-values-${index}`}>
              {values.map((value) => (
                <option key={value} value={value} />
              ))}
            </datalist>
            <input
              class="input"
              aria-label={`Value ${index + 1}`}
              aria-invalid={matcher.name !== "" && problemOf(matcher) !== ""}
              placeholder={matcher.operator.endsWith("~") ? "regular expression" : "value"}
              list={`${id}-values-${index}`}
              spellcheck={false}
              autocomplete="off"
              value={matcher.value}
              onInput={(event) => change(index, { value: event.currentTarget.value })}
            />
            <button
              type="button"
              class="icon-button"
              aria-label={`Remove matcher ${index + 1}`}
              title="Remove"
              onClick={() => onChange(rows.filter((_, other) => other !== index))}
            >
              <Icon name="close" size={14} />
            </button>
          </div>
        );
      })}
      <button type="button" class="button button-quiet" onClick={() => onChange([...rows, EMPTY])}>
        <Icon name="plus" size={14} /> Add a matcher
      </button>
    </div>
  );
}
