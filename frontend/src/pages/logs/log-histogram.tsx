/** How many records of each level over time; dragging across it narrows the time range. */
import { useMemo } from "preact/hooks";
import type { Resource } from "../../api/resource";
import type { LogHistogram as Histogram } from "../../api/types";
import { TimeChart } from "../../charts/time-chart";
import type { TimeWindow } from "../../time/range";
import { cssColour } from "../../ui/colour";
import { ErrorNotice } from "../../ui/error-notice";
import { LEVELS, levelColour } from "../../ui/level";
import { formatCount } from "../../ui/number";
import { useTheme } from "../../ui/theme";

interface Props {
  histogram: Resource<Histogram>;
  window: TimeWindow;
  onZoom(window: TimeWindow): void;
}

const EMPTY: number[] = [];

export function LogHistogram({ histogram, window, onZoom }: Props) {
  const theme = useTheme();
  const { data, error, loading } = histogram;
  // The least severe at the bottom, errors on top where they are seen. The theme changes the colours.
  const series = useMemo(
    () =>
      [...LEVELS]
        .reverse()
        .filter((level) => data?.levels[level]?.some((count) => count > 0))
        .map((level) => ({ name: level, values: data?.levels[level] ?? EMPTY, colour: cssColour(levelColour(level)) })),
    [data, theme],
  );
  const counts = series.map(
    ({ name, values }) => `${formatCount(values.reduce((sum, count) => sum + count, 0))} ${name}`,
  );
  if (error) return <ErrorNotice error={error} />;
  return (
    <div class={loading && data ? "is-stale" : ""}>
      <TimeChart
        label={`Log records over time: ${counts.join(", ") || "none"}`}
        times={data?.times ?? EMPTY}
        series={series}
        window={window}
        stepSeconds={data?.step_seconds ?? 60}
        kind="bars"
        height={112}
        format={formatCount}
        onZoom={onZoom}
      />
    </div>
  );
}
