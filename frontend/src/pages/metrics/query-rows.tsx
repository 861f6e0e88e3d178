/** The queries A, B, …, each with its editor and what the server says of it. */
import { useEffect, useRef } from "preact/hooks";
import type { InstantResult, PrometheusAnswer, RangeResult } from "../../api/prometheus";
import type { Resource } from "../../api/resource";
import type { TimeWindow } from "../../time/range";
import { Icon } from "../../ui/icon";
import { useKeys } from "../../ui/keyboard";
import { QueryNotes } from "./metric-notes";
import { letterOf, MOST_QUERIES } from "./metrics-query";
import { type EditorHandle, PromqlEditor } from "./promql-editor";
import { readProblem } from "./promql-problem";

export type QueryAnswer = Resource<PrometheusAnswer<RangeResult | InstantResult>>;

interface Props {
  exprs: readonly string[];
  answers: readonly QueryAnswer[];
  window: TimeWindow;
  limit: number;
  loading: boolean;
  /** What stands in the editors is asked. */
  onRun(): void;
  onStop(): void;
  onEdit(index: number, text: string): void;
  onFocus(index: number): void;
  onAdd(): void;
  onRemove(index: number): void;
}

export function QueryRows(props: Props) {
  const { exprs, answers, window: shown, limit, loading } = props;
  const editors = useRef<(EditorHandle | null)[]>([]);
  const count = useRef(exprs.length);
  const many = exprs.length > 1;
  useKeys({ e: () => editors.current[0]?.focus() });
  // A row that was added is there to be written into.
  useEffect(() => {
    if (exprs.length > count.current && exprs.at(-1) === "") editors.current[exprs.length - 1]?.focus(0);
    count.current = exprs.length;
  }, [exprs.length]);
  return (
    <section class="queries" aria-label="Queries">
      {exprs.map((expr, index) => {
        const letter = letterOf(index);
        const answer = answers[index] ?? { data: null, error: null, loading: false };
        const problem = answer.error ? readProblem(answer.error.message, expr) : null;
        const isNew = expr === "" && index === exprs.length - 1 && many;
        return (
          <div
            key={index}
            class={many ? "query-row has-letter" : "query-row"}
            role="group"
            aria-label={`Query ${letter}`}
          >
            {many && <span class="query-letter">{letter}</span>}
            <PromqlEditor
              label={`PromQL of query ${letter}`}
              value={expr}
              problem={problem}
              window={shown}
              onRun={props.onRun}
              onEdit={(text) => props.onEdit(index, text)}
              onFocus={() => props.onFocus(index)}
              handle={(handle) => {
                const isFirst = !editors.current[index];
                editors.current[index] = handle;
                if (handle && isFirst && isNew) handle.focus(0);
              }}
            />
            {many && (
              <button
                type="button"
                class="icon-button query-remove"
                aria-label={`Remove query ${letter}`}
                title="Remove"
                onClick={() => props.onRemove(index)}
              >
                <Icon name="close" size={14} />
              </button>
            )}
            <div class="query-notes">
              <QueryNotes
                expr={expr}
                answer={answer}
                problem={problem}
                limit={limit}
                onPlace={(offset) => editors.current[index]?.focus(offset)}
              />
            </div>
          </div>
        );
      })}
      <div class="query-actions">
        {loading ? (
          <button type="button" class="button" onClick={props.onStop}>
            Stop
          </button>
        ) : (
          <button type="button" class="button button-primary" title="Enter in a query" onClick={props.onRun}>
            Run
          </button>
        )}
        {exprs.length < MOST_QUERIES && (
          <button type="button" class="button" onClick={props.onAdd}>
            <Icon name="plus" size={14} /> Add query
          </button>
        )}
      </div>
    </section>
  );
}
