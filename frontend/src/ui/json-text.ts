/** JSON inside of texts: bodies of logs, arguments of tools, attributes that hold messages. */

/** A text that is a JSON object or list, indented; null for every other text. */
export function laidOut(text: string): string | null {
  if (!/^\s*[[{]/.test(text) || !/[\]}]\s*$/.test(text)) return null;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}
