/** A text with its own line breaks, which is scrolled where it is too wide or too long; with the keyboard, too. */
interface Props {
  label: string;
  text: string;
  class: string;
}

export function ScrolledText({ label, text, class: className }: Props) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls needs the focus
    <pre class={className} role="region" aria-label={label} tabIndex={0}>
      {text}
    </pre>
  );
}
