/** How something goes, as a word in its colour. */
import type { Tone } from "./words";

const CLASSES: Record<Tone, string> = {
  good: "state state-good",
  plain: "state",
  warn: "state state-pending",
  bad: "state state-firing",
};

export function StateMark({ tone, children }: { tone: Tone; children: string }) {
  return <span class={CLASSES[tone]}>{children}</span>;
}
