/** What is left of an error budget, as a bar: full is nothing burnt, red is overdrawn, hatched is unknown. */
import { budgetText, budgetTone } from "./figure";

export function BudgetBar({ left, name }: { left: number | null; name: string }) {
  const tone = budgetTone(left);
  const share = left === null ? 1 : left <= 0 ? 1 : Math.min(left, 1);
  return (
    <span class={`budget budget-${tone}`}>
      <svg
        class="budget-bar"
        viewBox="0 0 100 8"
        preserveAspectRatio="none"
        role="img"
        aria-label={`Error budget of ${name}: ${left === null ? "no data" : `${budgetText(left)} left`}`}
      >
        <rect class="budget-whole" width="100" height="8" rx="2" />
        {tone !== "none" && <rect class="budget-left" width={Math.max(share * 100, 0.8)} height="8" rx="2" />}
      </svg>
      <span class="budget-text">{budgetText(left)}</span>
    </span>
  );
}
