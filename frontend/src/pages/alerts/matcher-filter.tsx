/** Free matchers as a filter: a field that suggests the labels that there are, and a chip for each matcher. */
import { useMemo, useState } from "preact/hooks";
import type { LabelSet } from "../../api/prometheus";
import { setQuery } from "../../router/query";
import { Combobox } from "../../ui/combobox";
import { Icon } from "../../ui/icon";
import { parseMatcher, printMatcher, problemOf } from "./matcher";

interface Props {
  /** As written in the address. */
  matchers: readonly string[];
  /** Of what is filtered; they are suggested. */
  labels: readonly LabelSet[];
}

export function MatcherFilter({ matchers, labels }: Props) {
  const [text, setText] = useState("");
  const suggestions = useMemo(() => suggest(text, labels), [text, labels]);
  const commit = (written: string) => {
    const matcher = parseMatcher(written);
    if (!matcher || problemOf(matcher) !== "") {
      setText(written);
      return;
    }
    setText("");
    addMatcher(matchers, printMatcher(matcher));
  };
  return (
    <Combobox
      label='Matcher, such as service="shop"'
      placeholder='label="value"'
      class="matcher-input"
      text={text}
      suggestions={suggestions}
      onText={setText}
      onCommit={commit}
      onTake={({ value }) => (value.endsWith("=") ? setText(value) : commit(value))}
    />
  );
}

export function addMatcher(matchers: readonly string[], matcher: string): void {
  if (!matchers.includes(matcher)) setQuery({ matcher: [...matchers, matcher] });
}

export function MatcherFilterChips({ matchers }: { matchers: readonly string[] }) {
  return (
    <>
      {matchers.map((matcher) => (
        <span key={matcher} class={/!=|!~/.test(matcher) ? "chip chip-exclude" : "chip"}>
          <span class="chip-text">{matcher}</span>
          <button
            type="button"
            class="chip-remove"
            aria-label={`Remove the filter ${matcher}`}
            onClick={() => setQuery({ matcher: matchers.filter((other) => other !== matcher) })}
          >
            <Icon name="close" size={12} />
          </button>
        </span>
      ))}
    </>
  );
}

const SHOWN = 30;

function suggest(text: string, labels: readonly LabelSet[]): { value: string; note?: string }[] {
  const matcher = parseMatcher(text);
  const wanted = text.trim().toLowerCase();
  if (!matcher) {
    const names = [...new Set(labels.flatMap(Object.keys))].sort();
    return names
      .filter((name) => name.toLowerCase().includes(wanted))
      .slice(0, SHOWN)
      .map((name) => ({ value: `${name}=` }));
  }
  const counts = new Map<string, number>();
  for (const set of labels) {
    const value = set[matcher.name];
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts]
    .filter(([value]) => value.toLowerCase().includes(matcher.value.toLowerCase()))
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .map(([value, count]) => ({ value: printMatcher({ ...matcher, value }), note: String(count) }));
}
