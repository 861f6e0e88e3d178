/** Totals of the calls in the window. What has no price is said, never counted as free. */
import type { LlmSummary } from "../../api/types";
import { updateSearch } from "../../router/search";
import { formatSeconds } from "../../time/duration";
import { formatCost, formatCount, formatShare, plural } from "../../ui/number";
import { Tile } from "../../ui/tile";

export function LlmTiles({ totals }: { totals: LlmSummary["totals"] | null }) {
  if (!totals) {
    return (
      <div class="tiles">
        {["Spend", "Calls", "Tokens", "Latency", "First token"].map((label) => (
          <Tile key={label} label={label} value="…" />
        ))}
      </div>
    );
  }
  const { calls, errors, unpriced_calls: unpriced, cost_usd: cost } = totals;
  const filtered = (name: string, value: string) => `/llm?${updateSearch(window.location.search, { [name]: value })}`;
  const allUnpriced = calls > 0 && unpriced === calls;
  const cachedShare = totals.input_tokens > 0 ? totals.cached_tokens / totals.input_tokens : 0;
  return (
    <div class="tiles">
      <Tile
        label="Spend"
        value={allUnpriced ? "unpriced" : formatCost(cost)}
        tone={allUnpriced ? "warn" : "plain"}
        note={unpriced > 0 ? <span class="warn-text">{plural(unpriced, "call")} unpriced</span> : "all calls priced"}
        href={unpriced > 0 ? filtered("priced", "false") : undefined}
      />
      <Tile
        label="Calls"
        value={formatCount(calls)}
        note={
          errors > 0 ? (
            <span class="error-text">{`${formatCount(errors)} failed, ${formatShare(errors / calls)}`}</span>
          ) : (
            "none failed"
          )
        }
        href={errors > 0 ? filtered("success", "false") : undefined}
      />
      <Tile
        label="Tokens in → out"
        value={
          <>
            {formatCount(totals.input_tokens)} <span class="muted">→</span> {formatCount(totals.output_tokens)}
          </>
        }
        note={totals.cached_tokens > 0 ? `${formatShare(cachedShare)} of input from cache` : "none from cache"}
      />
      <Tile
        label="Latency p50"
        value={formatSeconds(totals.p50_seconds)}
        note={`p95 ${formatSeconds(totals.p95_seconds)}`}
      />
      <Tile label="First token p50" value={formatSeconds(totals.ttft_p50_seconds)} note="of streamed calls" />
    </div>
  );
}
