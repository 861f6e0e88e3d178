/** All metrics by name, with type, help and how many series they have; a click asks for one as its type deserves. */
import { useMemo, useRef, useState } from "preact/hooks";
import { type Metadata, type PrometheusAnswer, prometheusAddress, type TsdbStatus } from "../../api/prometheus";
import { useResource } from "../../api/resource";
import { useTime } from "../../time/clock";
import { ErrorNotice } from "../../ui/error-notice";
import { useKeys } from "../../ui/keyboard";
import { formatCount, formatWhole, plural } from "../../ui/number";
import { Skeleton } from "../../ui/skeleton";
import { type Family, findFamilies, leadOf, toFamilies } from "./metric-family";
import { suggestion } from "./suggestion";

interface Props {
  chosen: string;
  onChoose(expr: string): void;
}

/** As many as a person would look through; the rest is found by typing. */
const SHOWN = 300;
/** As many as the server counts. */
const COUNTED = 10_000;

export function MetricBrowser({ chosen, onChoose }: Props) {
  const { window, version } = useTime();
  const [text, setText] = useState("");
  const search = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const { startSeconds: start, endSeconds: end } = window;
  const names = useResource<PrometheusAnswer<string[]>>(
    prometheusAddress("/label/__name__/values", { start, end }),
    version,
  );
  const metadata = useResource<PrometheusAnswer<Metadata>>(prometheusAddress("/metadata"), version);
  const counted = useResource<PrometheusAnswer<TsdbStatus>>(
    prometheusAddress("/status/tsdb", { limit: COUNTED }),
    version,
  );
  const families = useMemo(() => {
    const counts = new Map(counted.data?.data.seriesCountByMetricName.map(({ name, value }) => [name, value]));
    return toFamilies(names.data?.data ?? [], metadata.data?.data ?? {}, counts);
  }, [names.data, metadata.data, counted.data]);
  const found = useMemo(() => findFamilies(families, text), [families, text]);
  const tokens = useMemo(() => new Set(chosen.match(/[\w:.]+/g)), [chosen]);
  useKeys({ "/": () => search.current?.focus() });

  /** Arrows walk the list, from the field on. */
  const walk = (event: KeyboardEvent) => {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    const buttons = [...(list.current?.querySelectorAll<HTMLElement>(".metric-name") ?? [])];
    const next = buttons.indexOf(document.activeElement as HTMLElement) + by;
    (next < 0 ? search.current : buttons[next])?.focus();
  };
  return (
    <section class="panel metric-browser" aria-label="Metrics" onKeyDown={walk}>
      <div class="metric-search">
        <input
          ref={search}
          class="input"
          type="search"
          aria-label="Find a metric (/)"
          placeholder="Find a metric"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            const [first] = found;
            if (event.key === "Enter" && first) onChoose(suggestion(leadOf(first), first.type));
            if (event.key === "Escape") event.currentTarget.blur();
          }}
        />
        <kbd aria-hidden="true">/</kbd>
      </div>
      {names.error && <ErrorNotice error={names.error} />}
      {!names.data && names.loading && <Skeleton rows={12} height={30} />}
      <ul class="metric-names" ref={list}>
        {found.slice(0, SHOWN).map((family) => (
          <FamilyRow key={family.name} family={family} tokens={tokens} onChoose={onChoose} />
        ))}
      </ul>
      {names.data && (
        <p class="metric-count muted">
          {found.length === 0
            ? families.length === 0
              ? "No metrics in this time range."
              : "No metric by that name in this time range."
            : found.length > SHOWN
              ? `${formatWhole(found.length - SHOWN)} more: type to find them.`
              : text
                ? `${formatCount(found.length)} of ${plural(families.length, "metric")}`
                : plural(families.length, "metric")}
        </p>
      )}
    </section>
  );
}

interface RowProps {
  family: Family;
  tokens: ReadonlySet<string>;
  onChoose(expr: string): void;
}

function FamilyRow({ family, tokens, onChoose }: RowProps) {
  const { name, type, help, series, members } = family;
  const isActive = members.some((member) => tokens.has(member)) || tokens.has(name);
  return (
    <li class={isActive ? "metric-family is-active" : "metric-family"}>
      <button
        type="button"
        class="metric-name"
        title={help || name}
        onClick={() => onChoose(suggestion(leadOf(family), type))}
      >
        <span class="metric-name-text">{breakable(name)}</span>
        <span class="metric-about">
          {type && <span class={`metric-type metric-type-${type}`}>{type}</span>}
          {series !== null && <span>{plural(series, "series", "series")}</span>}
        </span>
        {help && <span class="metric-help">{help}</span>}
      </button>
      {members.length > 1 && isActive && (
        <div class="metric-members">
          {members.map((member) => (
            <button
              key={member}
              type="button"
              class="link-button"
              title={member}
              onClick={() => onChoose(suggestion(member, type))}
            >
              {member.slice(name.length) || member}
            </button>
          ))}
        </div>
      )}
    </li>
  );
}

/** A long name may break after its underscores and dots. */
function breakable(name: string) {
  return name.split(/(?<=[_.:])/).flatMap((part, index) => (index === 0 ? [part] : [<wbr key={part + index} />, part]));
}
