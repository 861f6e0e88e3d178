/** What a server says is wrong with a query, and where in its text. */

export interface Problem {
  message: string;
  /** Where it begins, in characters of the text; null where the server does not say. */
  offset: number | null;
  /** 1:18, as the server wrote it, or "". */
  place: string;
}

const PLACED = /^(?:invalid parameter "query": )?(?:(\d+):(\d+): )?(?:parse error: )?([\s\S]*)$/;
/** A place at the end: `… "up" (1:6)`, as warnings and infos have it. */
const TRAILING = /\s*\((\d+):(\d+)\)$/;

export function readProblem(error: string, expr: string): Problem {
  const [, line = "", column = "", message = error] = PLACED.exec(error) ?? [];
  return problemAt(message, line, column, expr);
}

/** A warning or info, without the words that its colour says already. */
export function readAnnotation(text: string, expr: string): Problem {
  const bare = text.replace(/^PromQL (?:warning|info): /, "");
  const [whole = "", line = "", column = ""] = TRAILING.exec(bare) ?? [];
  return problemAt(bare.slice(0, bare.length - whole.length), line, column, expr);
}

function problemAt(message: string, line: string, column: string, expr: string): Problem {
  if (line === "") return { message, offset: null, place: "" };
  return { message, offset: offsetOf(expr, Number(line), Number(column)), place: `${line}:${column}` };
}

/** The place in the text, in UTF-16 units; columns are those of Prometheus: bytes of UTF-8, counted from one. */
export function offsetOf(text: string, line: number, column: number): number {
  const lines = text.split("\n");
  const before = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  let bytes = column - 1;
  let units = 0;
  for (const character of lines[line - 1] ?? "") {
    if (bytes <= 0) break;
    bytes -= new TextEncoder().encode(character).length;
    units += character.length;
  }
  return Math.min(before + units, text.length);
}
