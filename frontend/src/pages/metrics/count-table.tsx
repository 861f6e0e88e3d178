/** Names with their numbers, the largest first; each row leads into the explorer. */
import { pageLink } from "../../router/query";
import { Icon } from "../../ui/icon";
import { formatCount, formatShare } from "../../ui/number";
import type { Count } from "./cardinality";

interface Props {
  label: string;
  unit: string;
  counts: readonly Count[];
  /** What the shares are of; without it there are none. */
  total?: number;
  chosen?: string;
  onChoose?: (name: string) => void;
}

export function CountTable({ label, unit, counts, total, chosen, onChoose }: Props) {
  const most = counts[0]?.value ?? 1;
  if (counts.length === 0) return <p class="padded muted">None.</p>;
  return (
    <div class="table-scroll">
      <table class="table count-table">
        <thead>
          <tr>
            <th scope="col">{label}</th>
            <th scope="col" class="cell-number">
              {unit}
            </th>
            {total !== undefined && (
              <th scope="col" class="cell-number">
                Share
              </th>
            )}
            <th scope="col">
              <span class="visually-hidden">More</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {counts.map(({ name, value, expr }) => (
            <tr key={name} class={name === chosen ? "is-chosen" : ""}>
              <td>
                {onChoose ? (
                  <button
                    type="button"
                    class="count-name"
                    aria-pressed={name === chosen}
                    onClick={() => onChoose(name)}
                  >
                    <code>{name}</code>
                  </button>
                ) : (
                  <code>{name}</code>
                )}
                <span class="share-bar">
                  <span style={{ width: `${(100 * value) / most}%` }} />
                </span>
              </td>
              <td class="cell-number">{formatCount(value)}</td>
              {total !== undefined && <td class="cell-number muted">{formatShare(value / total)}</td>}
              <td class="row-links">
                <a
                  class="icon-button"
                  href={pageLink("/metrics-explorer", { expr })}
                  title="In the explorer"
                  aria-label={`${name} in the explorer`}
                >
                  <Icon name="metrics" size={15} />
                </a>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
