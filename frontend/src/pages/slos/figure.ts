/** Figures of objectives as text; what was not recorded is "no data", never a good figure. */
import type { RuleState, Slo } from "../../api/rules";
import { formatDuration } from "../../time/duration";
import { formatCount } from "../../ui/number";

export const NO_DATA = "no data";

/** A share of good events with as many nines as tell it from the objective: 99.95%, 99.9987%. */
export function goodText(share: number | null): string {
  if (share === null) return NO_DATA;
  if (share >= 1) return "100%";
  const percent = share * 100;
  const digits = percent < 90 ? 1 : Math.min(6, Math.max(2, 2 - Math.floor(Math.log10(100 - percent))));
  // Never rounded up to a promise that was not kept.
  const scale = 10 ** digits;
  return `${Math.floor(percent * scale + 1e-9) / scale}%`;
}

export function targetText(objective: number): string {
  return `${Number((objective * 100).toPrecision(10))}%`;
}

export function windowText({ days, calendar }: Slo["window"]): string {
  return calendar ? `a calendar ${calendar}` : days === 1 ? "24 hours" : `${days} days`;
}

/** What is left of a budget; below zero the promise is broken. */
export function budgetText(left: number | null): string {
  if (left === null) return NO_DATA;
  const percent = left * 100;
  if (Math.abs(percent) >= 1000) return `${formatCount(percent)}%`;
  return `${Math.abs(percent) < 10 && percent !== 0 ? percent.toFixed(1) : Math.round(percent)}%`;
}

export type Tone = "good" | "warn" | "bad" | "none";

/** Less than a quarter left is worth a look. */
export function budgetTone(left: number | null): Tone {
  if (left === null) return "none";
  return left <= 0 ? "bad" : left < 0.25 ? "warn" : "good";
}

/** How fast the budget burns: 14.4× as fast as it may. */
export function burnText(burn: number | null): string {
  if (burn === null) return NO_DATA;
  if (burn === 0) return "0×";
  if (burn < 0.01) return "<0.01×";
  return `${burn >= 100 ? Math.round(burn) : Number(burn.toPrecision(3))}×`;
}

export function exhaustedText(seconds: number | null): string {
  return seconds === null ? "" : `lasts another ${formatDuration(seconds * 1e9)}`;
}

const GRAVITY: Record<RuleState, number> = { firing: 0, pending: 1, inactive: 2, unknown: 3 };

/** What burns first, then what has least left; what has no data comes last. */
export function inOrder(slos: readonly Slo[]): Slo[] {
  return [...slos].sort(
    (a, b) =>
      worst(a) - worst(b) ||
      (a.budget_left ?? Number.POSITIVE_INFINITY) - (b.budget_left ?? Number.POSITIVE_INFINITY) ||
      (`${a.service}/${a.name}` < `${b.service}/${b.name}` ? -1 : 1),
  );
}

function worst({ burn_rates: burns, alerts }: Slo): number {
  return Math.min(2, ...[...burns, ...alerts].map(({ state }) => GRAVITY[state]));
}

/** The alerts that fire or are about to, in words. */
export function alarms({ burn_rates: burns, alerts }: Slo): { text: string; severity: string; state: RuleState }[] {
  return [
    ...burns
      .filter(({ state }) => state === "firing" || state === "pending")
      .map(({ state, severity, factor, long_window: long }) => ({
        text: `burns more than ${factor}× over ${long}`,
        severity,
        state,
      })),
    ...alerts
      .filter(({ state }) => state === "firing" || state === "pending")
      .map(({ state, severity, name, budget_below: below }) => ({
        text: below ? `less than ${below} left` : (OTHERS[name] ?? name),
        severity,
        state,
      })),
  ];
}

const OTHERS: Record<string, string> = {
  SLOErrorBudgetExhausted: "budget used up",
  SLONoData: "not measured",
};
