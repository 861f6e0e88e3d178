/** Log levels in order of weight, with their colours in the style sheet. */
import type { Level } from "../api/types";

export const LEVELS: readonly Level[] = ["fatal", "error", "warn", "info", "debug", "trace", "unknown"];

export function levelColour(level: Level): string {
  return `--level-${level}`;
}
