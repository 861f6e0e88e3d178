/** A row of filters. On a phone only the first and the chosen ones show; the others open on demand. */
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { Icon } from "./icon";

interface Props {
  label: string;
  /** Always in sight. */
  first: ComponentChildren;
  /** The filters that are set, as chips. */
  chips?: ComponentChildren;
  /** Shown while any filter is set. */
  onClear?: (() => void) | undefined;
  children: ComponentChildren;
}

export function FilterBar({ label, first, chips, onClear, children }: Props) {
  const [open, setOpen] = useState(false);
  const id = useId();
  return (
    <div class="filter-bar" role="search" aria-label={label}>
      {first}
      <button
        type="button"
        class="button narrow-only"
        aria-expanded={open}
        aria-controls={id}
        onClick={() => setOpen(!open)}
      >
        <Icon name="filter" size={14} /> Filters
      </button>
      <div class={open ? "filter-more is-open" : "filter-more"} id={id}>
        {children}
      </div>
      {chips}
      {onClear && (
        <button type="button" class="button button-quiet" onClick={onClear}>
          Clear
        </button>
      )}
    </div>
  );
}
