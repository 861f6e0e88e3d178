/** CodeMirror with Prometheus' own language support; completion asks this server for names, labels and values. */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, insertNewlineAndIndent } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { type Diagnostic, linter, lintKeymap } from "@codemirror/lint";
import { EditorState, StateEffect, StateField } from "@codemirror/state";
import { type Command, drawSelection, EditorView, keymap, placeholder } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { PromQLExtension } from "@prometheus-io/codemirror-promql";
import { PROMETHEUS_PREFIX } from "../../api/prometheus";
import type { TimeWindow } from "../../time/range";
import type { Problem } from "./promql-problem";

export interface PromqlView {
  text(): string;
  setText(text: string): void;
  /** Marks what the server refused, until the text changes. */
  setProblem(problem: Problem | null): void;
  /** Takes the focus; with an offset, the cursor goes there. */
  focus(offset?: number): void;
  destroy(): void;
}

const COLOURS = HighlightStyle.define([
  { tag: tags.keyword, color: "var(--accent-text)", fontWeight: "600" },
  {
    tag: [tags.function(tags.variableName), tags.standard(tags.function(tags.variableName))],
    color: "var(--code-function)",
  },
  { tag: [tags.labelName, tags.attributeName], color: "var(--code-label)" },
  { tag: tags.string, color: "var(--code-string)" },
  { tag: [tags.number, tags.literal], color: "var(--code-number)" },
  { tag: tags.comment, color: "var(--text-faint)", fontStyle: "italic" },
  { tag: tags.invalid, color: "var(--error-text)" },
]);

const THEME = EditorView.theme({
  "&": { color: "var(--text)", fontSize: "13px" },
  "&.cm-focused": { outline: "none" },
  ".cm-content": { fontFamily: "var(--mono)", padding: "7px 4px", caretColor: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { background: "var(--accent-soft) !important" },
  ".cm-placeholder": { color: "var(--text-faint)" },
  ".cm-tooltip": { background: "var(--surface)", border: "1px solid var(--border-strong)", borderRadius: "6px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { background: "var(--accent-soft)", color: "var(--text)" },
  ".cm-tooltip-autocomplete > ul > li": { fontFamily: "var(--mono)", padding: "2px 8px" },
  // its own mark is a data: image, which the page does not load
  ".cm-lintRange-error, .cm-lintRange-warning": {
    backgroundImage: "none",
    textDecoration: "underline wavy var(--error)",
    textUnderlineOffset: "3px",
  },
  ".cm-tooltip-lint, .cm-tooltip.cm-completionInfo": { font: "12px var(--font)", padding: "4px 8px" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--error)" },
  ".cm-diagnosticSource": { display: "none" },
  ".cm-matchingBracket": { background: "var(--accent-soft) !important" },
  ".cm-nonmatchingBracket": { background: "var(--error-soft) !important" },
  ".cm-completionMatchedText": { textDecoration: "none", color: "var(--accent-text)", fontWeight: "600" },
  ".cm-completionDetail": { color: "var(--text-muted)", fontStyle: "normal", marginLeft: "12px" },
});

interface Options {
  text: string;
  label: string;
  /** Names, labels and values are completed from this time. */
  window(): TimeWindow;
  onRun(): void;
  onEdit(text: string): void;
  onFocus(): void;
}

const refused = StateEffect.define<Problem | null>();

/** What the server refused; gone as soon as one types. */
const refusal = StateField.define<Problem | null>({
  create: () => null,
  update(problem, transaction) {
    for (const effect of transaction.effects) if (effect.is(refused)) return effect.value;
    return transaction.docChanged ? null : problem;
  },
});

/** Beside the checks of the language itself, which know nothing of the server's. */
const refusalLinter = linter(
  ({ state }) => {
    const problem = state.field(refusal);
    if (problem?.offset === null || problem === null) return [];
    return [{ ...markedRange(state, problem.offset), severity: "error", message: problem.message, source: "Sonde" }];
  },
  {
    delay: 0,
    needsRefresh: ({ startState, state }) => startState.field(refusal) !== state.field(refusal),
  },
);

/** The word at the place, or the last character before an end that came too early. */
function markedRange(state: EditorState, offset: number): Pick<Diagnostic, "from" | "to"> {
  const from = Math.min(offset, state.doc.length);
  const [word = ""] = /^\w+/.exec(state.sliceDoc(from)) ?? [];
  if (from === state.doc.length) return { from: Math.max(0, from - 1), to: from };
  return { from, to: from + Math.max(word.length, 1) };
}

export function createPromqlView(holder: HTMLElement, options: Options): PromqlView {
  const root = holder.shadowRoot ?? holder.attachShadow({ mode: "open" });
  const promql = new PromQLExtension().setComplete({
    remote: {
      apiPrefix: PROMETHEUS_PREFIX,
      httpMethod: "GET",
      fetchFn: (url, init) => fetch(within(url, options.window()), init),
    },
    maxMetricsMetadata: 10_000,
  });
  const runText: Command = () => {
    options.onRun();
    return true;
  };
  const leave: Command = (view) => {
    view.contentDOM.blur();
    return true;
  };
  const run = keymap.of([
    { key: "Enter", run: runText },
    { key: "Shift-Enter", run: insertNewlineAndIndent },
    { key: "Escape", run: leave },
  ]);
  const view = new EditorView({
    parent: root as unknown as HTMLElement,
    root,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        autocompletion(),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ "aria-label": options.label, spellcheck: "false" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onEdit(update.state.doc.toString().trim());
          if (update.focusChanged && update.view.hasFocus) options.onFocus();
        }),
        placeholder("PromQL, such as sum by (service) (rate(http_requests_total[5m]))"),
        syntaxHighlighting(COLOURS),
        THEME,
        promql.asExtension(),
        refusal,
        refusalLinter,
        run, // before the default keys, after those of an open completion
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...lintKeymap, ...historyKeymap, ...defaultKeymap]),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString().trim(),
    setText(next) {
      const now = view.state.doc.toString();
      if (now.trim() !== next) view.dispatch({ changes: { from: 0, to: now.length, insert: next } });
    },
    setProblem: (problem) => view.dispatch({ effects: refused.of(problem) }),
    focus(offset) {
      view.focus();
      if (offset !== undefined) view.dispatch({ selection: { anchor: Math.min(offset, view.state.doc.length) } });
    },
    destroy() {
      view.destroy();
      promql.destroy();
    },
  };
}

/** The library asks for the last twelve hours; the page may show another time. */
function within(url: RequestInfo, { startSeconds, endSeconds }: TimeWindow): RequestInfo {
  if (typeof url !== "string") return url;
  const asked = new URL(url, window.location.origin);
  if (!asked.searchParams.has("start")) return url;
  asked.searchParams.set("start", String(startSeconds));
  asked.searchParams.set("end", String(endSeconds));
  return asked.pathname + asked.search;
}
