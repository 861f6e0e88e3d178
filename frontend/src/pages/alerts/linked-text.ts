/** Addresses within a text: http and https alone, so that no annotation can run anything. */

export interface Piece {
  text: string;
  /** "" for plain text. */
  href: string;
}

const ADDRESS = /https?:\/\/[^\s<>"'`]+/g;

export function toPieces(text: string): Piece[] {
  const pieces: Piece[] = [];
  let done = 0;
  for (const found of text.matchAll(ADDRESS)) {
    const address = trimmed(found[0]);
    if (!isAddress(address)) continue;
    if (found.index > done) pieces.push({ text: text.slice(done, found.index), href: "" });
    pieces.push({ text: address, href: address });
    done = found.index + address.length;
  }
  if (done < text.length) pieces.push({ text: text.slice(done), href: "" });
  return pieces;
}

/** What ends a sentence, or closes a bracket that was opened before the address, is not part of it. */
function trimmed(address: string): string {
  const plain = address.replace(/[.,;:!?]+$/, "");
  if (!plain.endsWith(")") || plain.includes("(")) return plain;
  return trimmed(plain.slice(0, -1));
}

export function isAddress(text: string): boolean {
  if (!/^https?:\/\//.test(text)) return false;
  return URL.canParse(text);
}
