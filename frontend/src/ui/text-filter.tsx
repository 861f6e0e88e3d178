/** A field whose text becomes a filter on Enter, on leaving it, or after a pause. */
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

interface Props {
  label: string;
  placeholder: string;
  value: string;
  onCommit(value: string): void;
  /** Milliseconds of rest after which the text counts; absent: only Enter and leaving. */
  pauseMillis?: number;
  /** What is wrong with a text, or "". */
  problem?(value: string): string;
  inputRef?: RefObject<HTMLInputElement | null>;
  class?: string;
}

export function TextFilter({
  label,
  placeholder,
  value,
  onCommit,
  pauseMillis,
  problem,
  inputRef,
  class: className = "",
}: Props) {
  const [text, setText] = useState(value);
  const timer = useRef(0);
  useEffect(() => setText(value), [value]);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const wrong = problem?.(text.trim()) ?? "";
  const commit = (next: string) => {
    window.clearTimeout(timer.current);
    if (next !== value && !problem?.(next)) onCommit(next);
  };
  return (
    <input
      ref={inputRef ?? null}
      class={`input ${value ? "is-set" : ""} ${className}`}
      aria-label={label}
      aria-invalid={wrong !== ""}
      title={wrong || label}
      placeholder={placeholder}
      spellcheck={false}
      autocomplete="off"
      value={text}
      onInput={(event) => {
        const next = event.currentTarget.value;
        setText(next);
        window.clearTimeout(timer.current);
        if (pauseMillis) timer.current = window.setTimeout(() => commit(next.trim()), pauseMillis);
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter") commit(text.trim());
        if (event.key === "Escape") event.currentTarget.blur();
      }}
      onBlur={() => commit(text.trim())}
    />
  );
}
