/** Labels and matchers as chips. */
import type { LabelSet } from "../../api/prometheus";
import { type Matcher, printMatcher } from "./matcher";

interface Props {
  labels: LabelSet;
  /** A label was pressed: more of the same is wanted. */
  onChoose?: ((matcher: Matcher) => void) | undefined;
}

export function LabelChips({ labels, onChoose }: Props) {
  return (
    <span class="label-chips">
      {Object.entries(labels).map(([name, value]) =>
        onChoose ? (
          <button
            key={name}
            type="button"
            class="tag label-chip"
            title={`Only ${name}="${value}"`}
            onClick={() => onChoose({ name, operator: "=", value })}
          >
            {name}=<b>{value}</b>
          </button>
        ) : (
          <span key={name} class="tag">
            {name}=<b>{value}</b>
          </span>
        ),
      )}
    </span>
  );
}

export function MatcherChips({ matchers }: { matchers: readonly Matcher[] }) {
  return (
    <span class="label-chips">
      {matchers.map((matcher) => (
        <code key={printMatcher(matcher)} class="tag matcher-chip">
          {printMatcher(matcher)}
        </code>
      ))}
    </span>
  );
}
