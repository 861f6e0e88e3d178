/** The level of a log record as a short coloured word. */
import type { Level } from "../api/types";

export function LevelMark({ level }: { level: Level }) {
  return <span class={`level level-${level}`}>{level === "unknown" ? "–" : level}</span>;
}
