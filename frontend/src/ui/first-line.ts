/** A text in one line: what follows the first is hinted at. */
export function firstLine(text: string): string {
  const end = text.indexOf("\n");
  return end === -1 ? text : `${text.slice(0, end)} ⏎`;
}
