/** The filters of the log search. */
import { useRef } from "preact/hooks";
import type { Level, LogHistogram } from "../../api/types";
import { setQuery } from "../../router/query";
import type { TimeWindow } from "../../time/range";
import { AttributeFilter, FilterChips } from "../../ui/attribute-filter";
import { Icon } from "../../ui/icon";
import { useKeys } from "../../ui/keyboard";
import { LEVELS } from "../../ui/level";
import { formatCount } from "../../ui/number";
import { ServiceSelect, useServices } from "../../ui/service-select";
import { TextFilter } from "../../ui/text-filter";
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
    const next = filters.levels.includes(level) ? filters.levels.filter((other) => other !== level) : [...filters.levels, level];
    setQuery({ level: next });
  };
  const shownLevels = LEVELS.filter(
    (level) => ["error", "warn", "info", "debug"].includes(level) || filters.levels.includes(level) || countOf(histogram, level) > 0,
  );
  const pinned = [
    ["trace_id", filters.traceId],
    ["span_id", filters.spanId],
  ] as const;
  return (
    <div class="filter-bar" role="search" aria-label="Filter logs">
      <div class="search-box">
        <Icon name="search" />
        <TextFilter
          label="Search in bodies (/)"
          placeholder="Search log bodies"
          class="search-input"
          value={filters.search}
          pauseMillis={350}
          inputRef={search}
          onCommit={(value) => setQuery({ search: value })}
        />
        <kbd aria-hidden="true">/</kbd>
      </div>
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
            {histogram && countOf(histogram, level) > 0 && <span class="count">{formatCount(countOf(histogram, level))}</span>}
          </button>
        ))}
      </div>
      <ServiceSelect services={services} chosen={filters.service} onChoose={(service) => setQuery({ service })} />
      <AttributeFilter signal="logs" window={shown} filters={filters.attributes} onChange={setAttributes} />
      <button type="button" class={live ? "button is-live" : "button"} aria-pressed={live} onClick={onLive}>
        <span class="live-dot" /> Live
      </button>
      <FilterChips filters={filters.attributes} onChange={setAttributes} />
      {pinned.map(
        ([name, value]) =>
          value && (
            <FilterChips key={name} filters={[`${name}=${value}`]} onChange={() => setQuery({ [name]: null })} />
          ),
      )}
      {isFiltered(filters) && (
        <button
          type="button"
          class="button button-quiet"
          onClick={() =>
            setQuery({ search: null, service: null, level: null, attribute: null, trace_id: null, span_id: null })
          }
        >
          Clear
        </button>
      )}
    </div>
  );
}

function countOf(histogram: LogHistogram | null, level: Level): number {
  return histogram?.levels[level]?.reduce((sum, count) => sum + count, 0) ?? 0;
}
