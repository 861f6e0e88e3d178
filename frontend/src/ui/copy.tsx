/** Copies a text; says so for a moment. */
import { useState } from "preact/hooks";
import { Icon } from "./icon";

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  const copy = async () => {
    await writeClipboard(text);
    setDone(true);
    window.setTimeout(() => setDone(false), 1200);
  };
  return (
    <button type="button" class="icon-button" aria-label={done ? "Copied" : label} title={label} onClick={copy}>
      <Icon name={done ? "check" : "copy"} size={14} />
    </button>
  );
}

async function writeClipboard(text: string): Promise<void> {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Plain HTTP on another host has no clipboard API: the older way needs a selected field.
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}
