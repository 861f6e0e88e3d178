/**
 * The field for PromQL: highlighted, completed and checked as one types. The editor is loaded when the page is first
 * seen; it lives in a shadow root, because there its styles are sheets and no <style> elements, which the page's
 * content security policy forbids.
 */
import { useEffect, useRef, useState } from "preact/hooks";
import type { TimeWindow } from "../../time/range";
import type { Problem } from "./promql-problem";
import type { PromqlView } from "./promql-view";

export interface EditorHandle {
  focus(offset?: number): void;
}

interface Props {
  label: string;
  value: string;
  problem: Problem | null;
  window: TimeWindow;
  /** Enter; Shift+Enter makes a new line. */
  onRun(): void;
  /** Each change of the text, whoever made it. */
  onEdit(text: string): void;
  onFocus(): void;
  handle?(handle: EditorHandle | null): void;
}

export function PromqlEditor(props: Props) {
  const { value, problem } = props;
  const holder = useRef<HTMLDivElement>(null);
  const view = useRef<PromqlView | null>(null);
  const current = useRef(props);
  current.current = props;
  const [ready, setReady] = useState(false);

  useEffect(() => {
    let gone = false;
    void import("./promql-view").then(({ createPromqlView }) => {
      const element = holder.current;
      if (gone || !element) return;
      view.current = createPromqlView(element, {
        text: current.current.value,
        label: current.current.label,
        window: () => current.current.window,
        onRun: () => current.current.onRun(),
        onEdit: (text) => current.current.onEdit(text),
        onFocus: () => current.current.onFocus(),
      });
      current.current.handle?.(view.current);
      setReady(true);
    });
    return () => {
      gone = true;
      current.current.handle?.(null);
      view.current?.destroy();
      view.current = null;
    };
  }, []);
  useEffect(() => view.current?.setText(value), [value]);
  // After the text: a problem is that of the text which was asked.
  useEffect(() => view.current?.setProblem(problem), [value, problem?.message, problem?.offset, ready]);

  return (
    <div class="promql-editor" ref={holder} data-ready={ready}>
      {!ready && <span class="promql-waiting muted">{value || "PromQL"}</span>}
    </div>
  );
}
