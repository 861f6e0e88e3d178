/** One attribute value, typed: numbers and booleans in their colours, JSON laid out, long texts folded. */
import { useState } from "preact/hooks";
import type { AttributeValue } from "../api/types";
import { laidOut } from "./json-text";

const FOLD = 400;
/** JSON up to this length is not laid out. */
const ONE_LINE = 60;

export function Value({ value }: { value: AttributeValue }) {
  if (value === null) return <span class="value value-null">null</span>;
  if (typeof value === "number") return <span class="value value-number">{String(value)}</span>;
  if (typeof value === "boolean") return <span class="value value-boolean">{String(value)}</span>;
  if (typeof value === "object") {
    const line = JSON.stringify(value);
    return <FoldedText text={line.length <= ONE_LINE ? line : JSON.stringify(value, null, 2)} mono />;
  }
  const json = laidOut(value);
  if (json !== null) return <FoldedText text={json} mono />;
  if (value === "") return <span class="value value-null">empty</span>;
  return <FoldedText text={value} />;
}

export function FoldedText({ text, mono = false, fold = FOLD }: { text: string; mono?: boolean; fold?: number }) {
  const [open, setOpen] = useState(false);
  const isLong = text.length > fold * 1.2;
  const shown = isLong && !open ? `${text.slice(0, fold)}…` : text;
  return (
    <span class={mono ? "value value-json" : "value value-string"}>
      {shown}
      {isLong && (
        <button type="button" class="link-button" onClick={() => setOpen(!open)}>
          {open ? "less" : `${(text.length - fold).toLocaleString("en")} more characters`}
        </button>
      )}
    </span>
  );
}
