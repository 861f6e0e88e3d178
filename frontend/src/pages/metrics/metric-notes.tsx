/** What stands below a query: what it cost, what the server remarks, and what is wrong with it. */
import { ApiError } from "../../api/client";
import type { PrometheusAnswer, QueryStats } from "../../api/prometheus";
import type { Resource } from "../../api/resource";
import { refresh } from "../../time/clock";
import { formatSeconds } from "../../time/duration";
import { Icon } from "../../ui/icon";
import { formatCount, plural } from "../../ui/number";
import { type Problem, readAnnotation } from "./promql-problem";

/** The server's own words for an answer that it cut; ours say what to do. */
const CUT = "results truncated due to limit";

interface Answer {
  result: unknown;
  stats?: QueryStats;
}

interface Props {
  expr: string;
  answer: Resource<PrometheusAnswer<Answer>>;
  problem: Problem | null;
  /** As many series as are asked for. */
  limit: number;
  onPlace(offset: number): void;
}

export function QueryNotes({ expr, answer, problem, limit, onPlace }: Props) {
  const { data, error, loading } = answer;
  if (expr === "") return null;
  if (error && problem) return <QueryError error={error} problem={problem} onPlace={onPlace} />;
  return (
    <>
      {data && !loading && <Annotations answer={data} expr={expr} limit={limit} onPlace={onPlace} />}
      <div class="query-cost">
        {loading ? (
          <span class="cost" role="status">
            <span class="spinner" /> asking
          </span>
        ) : (
          data && <Cost answer={data.data} />
        )}
      </div>
    </>
  );
}

/** How many series an answer has; a scalar is one. */
export function seriesCount({ result, resultType }: Answer & { resultType?: string }): number {
  return resultType === "scalar" || resultType === "string" ? 1 : (result as unknown[]).length;
}

function Cost({ answer }: { answer: Answer }) {
  const samples = answer.stats?.samples?.totalQueryableSamples;
  const seconds = answer.stats?.timings?.execTotalTime;
  const series = seriesCount(answer);
  const facts = [
    series === 0 ? "no data" : plural(series, "series", "series"),
    samples === undefined ? "" : `${plural(samples, "sample")} read`,
    seconds === undefined ? "" : formatSeconds(seconds),
  ];
  return <span class="cost">{facts.filter(Boolean).join(" · ")}</span>;
}

interface AnnotationProps {
  answer: PrometheusAnswer<unknown>;
  expr: string;
  limit: number;
  onPlace(offset: number): void;
}

/** What Prometheus calls warnings and infos. */
function Annotations({ answer, expr, limit, onPlace }: AnnotationProps) {
  const { warnings = [], infos = [] } = answer;
  const notes = [
    ...warnings.map((text) => ({ kind: "warning" as const, text })),
    ...infos.map((text) => ({ kind: "info" as const, text })),
  ];
  return (
    <>
      {notes.map(({ kind, text }) => (
        <div key={text} class={`query-note query-note-${kind}`} role="status">
          <Icon name={kind === "warning" ? "alert" : "info"} size={14} />
          {text === CUT ? (
            <span>
              More than {formatCount(limit)} series match: the first {formatCount(limit)} are shown. Choose with{" "}
              <code>topk(10, …)</code>, or add up with <code>sum by (…) (…)</code>.
            </span>
          ) : (
            <Placed problem={readAnnotation(text, expr)} onPlace={onPlace} />
          )}
        </div>
      ))}
    </>
  );
}

interface ErrorProps {
  error: Error;
  problem: Problem;
  onPlace(offset: number): void;
}

function QueryError({ error, problem, onPlace }: ErrorProps) {
  const isServers = error instanceof ApiError && (error.status === 0 || error.status >= 500);
  return (
    <div class="query-note query-note-error" role="alert">
      <Icon name="alert" size={14} />
      <span>
        <Placed problem={problem} onPlace={onPlace} />
        {error instanceof ApiError && error.hint && <span class="muted"> {error.hint}</span>}
      </span>
      {isServers && (
        <button type="button" class="link-button" onClick={refresh}>
          Try again
        </button>
      )}
    </div>
  );
}

function Placed({ problem, onPlace }: { problem: Problem; onPlace(offset: number): void }) {
  const { message, offset, place } = problem;
  return (
    <span>
      {message}
      {offset !== null && (
        <button type="button" class="link-button" title="Go there" onClick={() => onPlace(offset)}>
          at {place}
        </button>
      )}
    </span>
  );
}
