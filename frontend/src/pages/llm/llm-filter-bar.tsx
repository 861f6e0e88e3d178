/** The filters of the list of LLM calls. */
import { useMemo, useRef, useState } from "preact/hooks";
import type { LlmCall } from "../../api/types";
import { setQuery } from "../../router/query";
import type { TimeWindow } from "../../time/range";
import { parseExpression } from "../../ui/attribute-expression";
import { FilterChips } from "../../ui/attribute-filter";
import { Combobox } from "../../ui/combobox";
import { FilterBar } from "../../ui/filter-bar";
import { useKeys } from "../../ui/keyboard";
import { SearchBox } from "../../ui/search-box";
import { Segmented } from "../../ui/segmented";
import { ServiceSelect, useServices } from "../../ui/service-select";

import { isFiltered, type LlmFilters, NAMED_FILTERS, type NamedFilter, VALUE_OF } from "./llm-query";

const OUTCOMES = [
  { value: "", label: "All" },
  { value: "true", label: "Succeeded" },
  { value: "false", label: "Failed" },
];

const SORTS = [
  { value: "time", label: "Newest" },
  { value: "cost", label: "Dearest" },
  { value: "duration", label: "Slowest" },
];

interface Props {
  filters: LlmFilters;
  window: TimeWindow;
  /** The calls in sight: their values are suggested. */
  calls: readonly LlmCall[];
}

export function LlmFilterBar({ filters, window: shown, calls }: Props) {
  const services = useServices(shown);
  const search = useRef<HTMLInputElement>(null);
  useKeys({ "/": () => search.current?.focus() });
  const clear = () =>
    setQuery({
      service: null,
      search: null,
      success: null,
      priced: null,
      ...Object.fromEntries(NAMED_FILTERS.map((name) => [name, null])),
    });
  const chips = NAMED_FILTERS.map((name) => {
    const value = filters.named[name];
    return (
      value && <FilterChips key={name} filters={[`${name}=${value}`]} onChange={() => setQuery({ [name]: null })} />
    );
  });
  return (
    <FilterBar
      label="Filter LLM calls"
      first={
        <SearchBox
          label="Search in prompts and completions (/)"
          placeholder="Search prompts and completions"
          value={filters.search}
          inputRef={search}
          onCommit={(value) => setQuery({ search: value })}
        />
      }
      chips={chips}
      onClear={isFiltered(filters) ? clear : undefined}
    >
      <ServiceSelect services={services} chosen={filters.service} onChoose={(service) => setQuery({ service })} />
      <NamedFilterInput calls={calls} />
      <Segmented
        label="Outcome"
        options={OUTCOMES}
        chosen={filters.success}
        onChoose={(success) => setQuery({ success })}
      />
      <button
        type="button"
        class="button"
        aria-pressed={filters.priced === "false"}
        onClick={() => setQuery({ priced: filters.priced === "false" ? null : "false" })}
      >
        Unpriced
      </button>
      <Segmented
        label="Order"
        options={SORTS}
        chosen={filters.sort}
        onChoose={(sort) => setQuery({ sort: sort === "time" ? null : sort })}
      />
    </FilterBar>
  );
}

function NamedFilterInput({ calls }: { calls: readonly LlmCall[] }) {
  const [text, setText] = useState("");
  const expression = parseExpression(text);
  const name = NAMED_FILTERS.find((candidate) => candidate === expression?.key);
  const suggestions = useMemo(() => {
    if (!name) {
      const wanted = text.trim().toLowerCase();
      return NAMED_FILTERS.filter((candidate) => candidate.includes(wanted)).map((value) => ({ value: `${value}=` }));
    }
    const typed = expression?.value.toLowerCase() ?? "";
    return [...new Set(calls.map(VALUE_OF[name]))]
      .filter((value) => value !== "" && value.toLowerCase().includes(typed))
      .slice(0, 30)
      .map((value) => ({ value: `${name}=${value}` }));
  }, [text, name, calls]);
  const commit = (value: string) => {
    const chosen = parseExpression(value);
    const filter = NAMED_FILTERS.find((candidate): candidate is NamedFilter => candidate === chosen?.key);
    if (!chosen || !filter || chosen.value === "") {
      setText(value);
      return;
    }
    setText("");
    setQuery({ [filter]: chosen.value });
  };
  return (
    <Combobox
      label="Add filter"
      placeholder="+ model, function, user…"
      class="attribute-input"
      text={text}
      suggestions={suggestions}
      onText={setText}
      onCommit={commit}
      onTake={({ value }) => commit(value)}
    />
  );
}
