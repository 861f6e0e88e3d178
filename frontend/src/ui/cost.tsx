/** What the query behind a list cost: rows read and time. */
import type { Stats } from "../api/types";
import { formatSeconds } from "../time/duration";
import { formatBytes, formatCount } from "./number";

export function QueryCost({ stats, loading = false }: { stats: Stats | null; loading?: boolean }) {
  if (loading) {
    return (
      <span class="cost" role="status">
        <span class="spinner" /> loading
      </span>
    );
  }
  if (!stats) return null;
  return (
    <span class="cost" title={`${formatBytes(stats.bytes_read)} read by this query`}>
      {formatCount(stats.rows_read)} rows read · {formatSeconds(stats.elapsed_seconds)}
    </span>
  );
}
