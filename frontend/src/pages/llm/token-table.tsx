/** Tokens by bucket, each token once, with what each bucket cost. */
import type { LlmCall } from "../../api/types";
import { formatExactCost, formatWhole } from "../../ui/number";

const NAMES: Record<string, string> = {
  input: "Input",
  input_cache_read: "Input, read from cache",
  input_cache_write: "Input, written to cache",
  input_audio: "Input, audio",
  output: "Output",
  output_reasoning: "Output, reasoning",
  output_audio: "Output, audio",
};

export function TokenTable({ call }: { call: LlmCall }) {
  const order = Object.keys(NAMES);
  const rank = (bucket: string) => (order.includes(bucket) ? order.indexOf(bucket) : order.length);
  const buckets = Object.entries(call.usage)
    .filter(([, tokens]) => tokens > 0)
    .sort(([a], [b]) => rank(a) - rank(b));
  const total = buckets.reduce((sum, [, tokens]) => sum + tokens, 0);
  if (buckets.length === 0) return <p class="muted">This call reported no token usage.</p>;
  return (
    <table class="table token-table">
      <thead>
        <tr>
          <th scope="col">Bucket</th>
          <th scope="col" class="cell-number">
            Tokens
          </th>
          <th scope="col" class="cell-number">
            Cost
          </th>
        </tr>
      </thead>
      <tbody>
        {buckets.map(([bucket, tokens]) => (
          <tr key={bucket}>
            <td>
              {NAMES[bucket] ?? bucket}
              <span class="share-bar" aria-hidden="true">
                <span style={{ width: `${(tokens / total) * 100}%` }} />
              </span>
            </td>
            <td class="cell-number">{formatWhole(tokens)}</td>
            <td class="cell-number">{bucket in call.cost ? formatExactCost(call.cost[bucket] ?? null) : "–"}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">Total</th>
          <td class="cell-number">{formatWhole(total)}</td>
          <td class={call.cost_usd === null ? "cell-number warn-text" : "cell-number"}>
            {formatExactCost(call.cost_usd)}
          </td>
        </tr>
      </tfoot>
    </table>
  );
}
