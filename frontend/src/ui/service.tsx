/** A service's name behind the dot in its colour, the same on every page. */
import { colourOf } from "./colour";
import { useTheme } from "./theme";

export function ServiceName({ name, count, errors = 0 }: { name: string; count?: number; errors?: number }) {
  useTheme();
  return (
    <span class="service" title={name}>
      <span class={errors > 0 ? "dot dot-error" : "dot"} style={{ background: colourOf(name) }} />
      <span class="service-name">{name || "(no service)"}</span>
      {count !== undefined && <span class="service-count">{count}</span>}
    </span>
  );
}
