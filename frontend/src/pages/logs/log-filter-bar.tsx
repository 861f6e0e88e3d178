/** The filters of the log search. */
import { useRef } from "preact/hooks";
import type { Level, LogHistogram } from "../../api/types";
import { setQuery } from "../../router/query";
import type { TimeWindow } from "../../time/range";
import { AttributeFilter, FilterChips } from "../../ui/attribute-filter";
import { FilterBar } from "../../ui/filter-bar";
import { useKeys } from "../../ui/keyboard";
import { LEVELS } from "../../ui/level";
import { formatCount } from "../../ui/number";
import { SearchBox } from "../../ui/search-box";
import { ServiceSelect, useServices } from "../../ui/service-select";
import { isFiltered, type LogFilters } from "./log-query";

interface Props {
  filters: LogFilters;
  window: TimeWindow;
  histogram: LogHistogram | null;
  live: boolean;
  onLive(): void;
}

export function LogFilterBar({ filters, window: shown, histogram, live, onLive }: Props) {
  const services = useServices(shown);
  const search = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => search.current?.focus() });
  const setAttributes = (attribute: string[]) => setQuery({ attribute });
  const toggleLevel = (level: Level) => {
    const next = filters.levels.includes(level)
      ? filters.levels.filter((other) => other !== level)
      : [...filters.levels, level];
    setQuery({ level: next });
  };
  const shownLevels = LEVELS.filter(
    (level) =>
      ["error", "warn", "info", "debug"].includes(level) ||
      filters.levels.includes(level) ||
      countOf(histogram, level) > 0,
  );
  const pinned = [
    ["trace_id", filters.traceId],
    ["span_id", filters.spanId],
  ] as const;
  const clear = () =>
    setQuery({ search: null, service: null, level: null, attribute: null, trace_id: null, span_id: null });
  const chips = (
    <>
      <FilterChips filters={filters.attributes} onChange={setAttributes} />
      {pinned.map(
        ([name, value]) =>
          value && (
            <FilterChips key={name} filters={[`${name}=${value}`]} onChange={() => setQuery({ [name]: null })} />
          ),
      )}
    </>
  );
  return (
    <FilterBar
      label="Filter logs"
      first={
        <>
          <SearchBox
            label="Search in bodies (/)"
            placeholder="Search log bodies"
            value={filters.search}
            inputRef={search}
            onCommit={(value) => setQuery({ search: value })}
          />
          <button
            type="button"
            class={live ? "button is-live" : "button"}
            aria-pressed={live}
            title="New records as they arrive (l)"
            onClick={onLive}
          >
            <span class="live-dot" /> Live
          </button>
        </>
      }
      chips={chips}
      onClear={isFiltered(filters) ? clear : undefined}
    >
      <div class="levels" role="group" aria-label="Levels">
        {shownLevels.map((level) => (
          <button
            key={level}
            type="button"
            class={`level-toggle level-${level}`}
            aria-pressed={filters.levels.includes(level)}
            onClick={() => toggleLevel(level)}
          >
            {level}
            {countOf(histogram, level) > 0 && <span class="count">{formatCount(countOf(histogram, level))}</span>}
          </button>
        ))}
      </div>
      <ServiceSelect services={services} chosen={filters.service} onChoose={(service) => setQuery({ service })} />
      <AttributeFilter signal="logs" window={shown} filters={filters.attributes} onChange={setAttributes} />
    </FilterBar>
  );
}

function countOf(histogram: LogHistogram | null, level: Level): number {
  return histogram?.levels[level]?.reduce((sum, count) => sum + count, 0) ?? 0;
}
