/** Grey lines in the shape of what is awaited. Shown only after a moment, so that fast answers do not flicker. */
export function Skeleton({ rows = 8, height = 28 }: { rows?: number; height?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} class="skeleton-row" style={{ height: `${height}px` }}>
          <span style={{ width: `${[34, 52, 41, 60, 46, 29, 55, 38][row % 8]}%` }} />
        </div>
      ))}
    </div>
  );
}
