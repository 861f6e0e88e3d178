/** A severity by its word, in its colour. */
import { toneOf } from "./severity";

export function SeverityMark({ severity }: { severity: string }) {
  if (severity === "") return null;
  return <span class={`severity severity-${toneOf(severity)}`}>{severity}</span>;
}
