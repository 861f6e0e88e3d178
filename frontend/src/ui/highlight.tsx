/** A text with the places marked where a search found it. */
export function Highlight({ text, wanted }: { text: string; wanted: string }) {
  const parts = splitMatches(text, wanted);
  if (parts.length === 1) return <>{text}</>;
  return <>{parts.map((part, index) => (index % 2 === 1 ? <mark key={index}>{part}</mark> : part))}</>;
}

/** The text cut at each match, whatever the case: odd parts are matches. */
export function splitMatches(text: string, wanted: string): string[] {
  if (wanted === "") return [text];
  const escaped = wanted.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return text.split(new RegExp(`(${escaped})`, "gi"));
}
