/** One of a few choices, all in sight. */
interface Props {
  label: string;
  options: readonly { value: string; label: string }[];
  chosen: string;
  onChoose(value: string): void;
}

export function Segmented({ label, options, chosen, onChoose }: Props) {
  return (
    <div class="segmented" role="group" aria-label={label}>
      {options.map(({ value, label: text }) => (
        <button key={value} type="button" aria-pressed={value === chosen} onClick={() => onChoose(value)}>
          {text}
        </button>
      ))}
    </div>
  );
}
