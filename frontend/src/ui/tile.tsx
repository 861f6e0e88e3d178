/** One figure with its name, and below it what it is made of. */
import type { ComponentChildren } from "preact";

interface Props {
  label: string;
  value: ComponentChildren;
  note?: ComponentChildren;
  tone?: "plain" | "bad" | "warn";
  href?: string | undefined;
}

export function Tile({ label, value, note, tone = "plain", href }: Props) {
  const content = (
    <>
      <span class="tile-label">{label}</span>
      <span class={`tile-value tone-${tone}`}>{value}</span>
      <span class="tile-note">{note ?? "\u00a0"}</span>
    </>
  );
  return href ? (
    <a class="tile" href={href}>
      {content}
    </a>
  ) : (
    <div class="tile">{content}</div>
  );
}
