/** The series of a chart by name and total; a click narrows the page to one of them. */
export interface LegendItem {
  name: string;
  colour: string;
  total: string;
  onClick?: (() => void) | undefined;
}

export function Legend({ items }: { items: readonly LegendItem[] }) {
  return (
    <ul class="legend">
      {items.map(({ name, colour, total, onClick }) => {
        const content = (
          <>
            <span class="dot" style={{ background: colour }} />
            <span class="legend-name">{name}</span>
            <span class="legend-total">{total}</span>
          </>
        );
        return (
          <li key={name}>
            {onClick ? (
              <button type="button" class="legend-item" onClick={onClick} title={`Only ${name}`}>
                {content}
              </button>
            ) : (
              <span class="legend-item">{content}</span>
            )}
          </li>
        );
      })}
    </ul>
  );
}
