/** A rate over time in a table's cell, with the errors among it in red. */

interface Props {
  values: readonly number[];
  errors: readonly number[];
  colour: string;
}

const WIDTH = 120;
const HEIGHT = 26;

export function Sparkline({ values, errors, colour }: Props) {
  const top = Math.max(...values, 0);
  if (values.length < 2 || top === 0) return <span class="sparkline-empty" aria-hidden="true" />;
  const line = sparkPath(values, top);
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={`${line}L${WIDTH},${HEIGHT}L0,${HEIGHT}Z`} style={{ fill: colour, opacity: "0.14" }} />
      <path d={line} style={{ stroke: colour }} class="sparkline-line" />
      <path d={errorBars(errors, top)} class="sparkline-line sparkline-errors" />
    </svg>
  );
}

export function sparkPath(values: readonly number[], top: number): string {
  const step = WIDTH / Math.max(values.length - 1, 1);
  return values
    .map((value, index) => {
      const y = HEIGHT - 1.5 - (value / top) * (HEIGHT - 3);
      return `${index === 0 ? "M" : "L"}${(index * step).toFixed(1)},${y.toFixed(1)}`;
    })
    .join("");
}

/** A stroke from the ground up for each step with errors, at least as high as can be seen. */
function errorBars(errors: readonly number[], top: number): string {
  const step = WIDTH / Math.max(errors.length - 1, 1);
  return errors
    .map((value, index) => {
      if (value <= 0) return "";
      const y = HEIGHT - Math.max(4, (value / top) * (HEIGHT - 3));
      return `M${(index * step).toFixed(1)},${HEIGHT}V${y.toFixed(1)}`;
    })
    .join("");
}
