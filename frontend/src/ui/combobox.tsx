/** A text field that suggests, after the ARIA pattern: arrows choose, Enter takes, Escape leaves the text. */
import { useId, useRef, useState } from "preact/hooks";

export interface Suggestion {
  value: string;
  note?: string;
}

interface Props {
  label: string;
  placeholder?: string;
  text: string;
  suggestions: readonly Suggestion[];
  onText(text: string): void;
  /** Enter, or a suggestion taken. */
  onCommit(text: string): void;
  /** A suggestion may be half of an expression: then it is written into the field instead. */
  onTake?(suggestion: Suggestion): void;
  class?: string;
}

export function Combobox({
  label,
  placeholder,
  text,
  suggestions,
  onText,
  onCommit,
  onTake,
  class: className = "",
}: Props) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const [chosenValue, setChosenValue] = useState<string | null>(null);
  // The next key may come before the next rendering.
  const picked = useRef<string | null>(null);
  const choose = (value: string | null) => {
    picked.current = value;
    setChosenValue(value);
  };
  const chosen = suggestions.findIndex(({ value }) => value === chosenValue);
  const shown = open && suggestions.length > 0;
  const take = (suggestion: Suggestion) => {
    choose(null);
    if (onTake) onTake(suggestion);
    else {
      onCommit(suggestion.value);
      setOpen(false);
    }
  };
  const onKey = (event: KeyboardEvent) => {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const at = suggestions.findIndex(({ value }) => value === picked.current);
    const current = suggestions[at];
    if (by !== 0) {
      event.preventDefault();
      setOpen(true);
      choose(suggestions[Math.min(suggestions.length - 1, at + by)]?.value ?? null);
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (shown && current) take(current);
      else {
        onCommit(text);
        setOpen(false);
      }
    } else if (event.key === "Escape") {
      if (shown) event.stopPropagation();
      else event.currentTarget instanceof HTMLElement && event.currentTarget.blur();
      setOpen(false);
    }
  };
  return (
    <div class={`combobox ${className}`}>
      <input
        class="input"
        role="combobox"
        aria-label={label}
        aria-expanded={shown}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={shown && chosen >= 0 ? `${id}-${chosen}` : undefined}
        autocomplete="off"
        spellcheck={false}
        placeholder={placeholder}
        value={text}
        onInput={(event) => {
          onText(event.currentTarget.value);
          choose(null);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={onKey}
      />
      {shown && (
        <ul class="popover suggestions" id={`${id}-list`} role="listbox" aria-label={`${label}: suggestions`}>
          {suggestions.map((suggestion, index) => (
            <li
              key={suggestion.value}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === chosen}
              // The field must keep the focus, so that a press is not first a blur.
              onPointerDown={(event) => {
                event.preventDefault();
                take(suggestion);
              }}
            >
              <span class="suggestion-value">{suggestion.value}</span>
              {suggestion.note && <span class="muted">{suggestion.note}</span>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
