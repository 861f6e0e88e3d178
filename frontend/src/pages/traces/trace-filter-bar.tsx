/** The filters of the trace search. Each change is a step in the history, so Back undoes it. */
import { useMemo, useRef, useState } from "preact/hooks";
import { setQuery } from "../../router/query";
import { parseDuration } from "../../time/duration";
import type { TimeWindow } from "../../time/range";
import { AttributeFilter, FilterChips } from "../../ui/attribute-filter";
import { Combobox } from "../../ui/combobox";
import { FilterBar } from "../../ui/filter-bar";
import { useKeys } from "../../ui/keyboard";
import { formatCount } from "../../ui/number";
import { Segmented } from "../../ui/segmented";
import { ServiceSelect, useServices } from "../../ui/service-select";
import { TextFilter } from "../../ui/text-filter";
import { isFiltered, type TraceFilters } from "./trace-query";

const STATUSES = [
  { value: "", label: "All" },
  { value: "error", label: "Errors" },
];

export function TraceFilterBar({ filters, window: shown }: { filters: TraceFilters; window: TimeWindow }) {
  const services = useServices(shown);
  const root = useRef<HTMLDivElement>(null);
  useKeys({ "/": () => root.current?.querySelector<HTMLInputElement>(".attribute-input input")?.focus() });
  const setAttributes = (attribute: string[]) => setQuery({ attribute });
  const clear = () =>
    setQuery({ service: null, operation: null, min_duration: null, max_duration: null, status: null, attribute: null });
  return (
    <div ref={root}>
      <FilterBar
        label="Filter traces"
        first={
          <ServiceSelect
            services={services}
            chosen={filters.service}
            onChoose={(service) => setQuery({ service, operation: null })}
          />
        }
        chips={<FilterChips filters={filters.attributes} onChange={setAttributes} />}
        onClear={isFiltered(filters) ? clear : undefined}
      >
        <OperationFilter filters={filters} services={services} />
        <div class="joined duration-filter">
          <TextFilter
            label="Minimum duration"
            placeholder="≥ 100ms"
            value={filters.minDuration}
            problem={durationProblem}
            onCommit={(value) => setQuery({ min_duration: value })}
          />
          <TextFilter
            label="Maximum duration"
            placeholder="≤ 5s"
            value={filters.maxDuration}
            problem={durationProblem}
            onCommit={(value) => setQuery({ max_duration: value })}
          />
        </div>
        <Segmented
          label="Status"
          options={STATUSES}
          chosen={filters.status}
          onChoose={(status) => setQuery({ status })}
        />
        <AttributeFilter signal="spans" window={shown} filters={filters.attributes} onChange={setAttributes} />
      </FilterBar>
    </div>
  );
}

function durationProblem(text: string): string {
  return text === "" || parseDuration(text) !== null ? "" : "Write a duration such as 250ms, 1.5s or 2m";
}

function OperationFilter({ filters, services }: { filters: TraceFilters; services: ReturnType<typeof useServices> }) {
  const [text, setText] = useState<string | null>(null);
  const shown = text ?? filters.operation;
  const suggestions = useMemo(() => {
    const spans = new Map<string, number>();
    for (const { service, operations } of services) {
      if (filters.service && service !== filters.service) continue;
      for (const { name, spans: count } of operations) spans.set(name, (spans.get(name) ?? 0) + count);
    }
    const wanted = text?.toLowerCase() ?? "";
    return [...spans]
      .filter(([name]) => name.toLowerCase().includes(wanted))
      .sort((a, b) => b[1] - a[1])
      .slice(0, 40)
      .map(([value, count]) => ({ value, note: formatCount(count) }));
  }, [services, filters.service, text]);
  return (
    <div onFocusOut={() => setText(null)}>
      <Combobox
        label="Operation"
        placeholder="Operation"
        class={filters.operation ? "operation-input is-set" : "operation-input"}
        text={shown}
        suggestions={suggestions}
        onText={setText}
        onCommit={(operation) => {
          setText(null);
          setQuery({ operation });
        }}
      />
    </div>
  );
}
