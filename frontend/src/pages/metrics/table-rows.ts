/** The answers to instant queries as one table: a column for each label that sets the series apart. */
import { type InstantResult, instantRows, type LabelSet } from "../../api/prometheus";
import { commonLabels, differingLabels } from "./common-labels";
import { toNumber } from "./matrix";
import { letterOf } from "./metrics-query";

export interface TableRow {
  letter: string;
  metric: LabelSet;
  value: string;
  time: number | null;
}

export interface InstantTable {
  labels: string[];
  rows: TableRow[];
  common: LabelSet;
  hasTimes: boolean;
}

export function toTable(results: readonly (InstantResult | null)[]): InstantTable {
  const rows = results.flatMap((result, index) =>
    result ? instantRows(result).map((row) => ({ letter: letterOf(index), ...row })) : [],
  );
  const metrics = rows.map(({ metric }) => metric);
  const alone = metrics.length === 1;
  return {
    labels: alone ? Object.keys(metrics[0] ?? {}) : differingLabels(metrics),
    rows,
    common: alone ? {} : commonLabels(metrics),
    hasTimes: rows.some(({ time }) => time !== null),
  };
}

/** By a column's name, "value" for the value; a minus before it puts the greatest first. */
export function sortTable(rows: readonly TableRow[], sort: string): readonly TableRow[] {
  if (sort === "") return rows;
  const sign = sort.startsWith("-") ? -1 : 1;
  const column = sort.replace(/^-/, "");
  const compare = column === "value" ? byValue : byLabel;
  return [...rows].sort((a, b) => sign * compare(a, b));

  function byLabel(a: TableRow, b: TableRow): number {
    return COLLATOR.compare(a.metric[column] ?? "", b.metric[column] ?? "");
  }
}

/** le="10" comes after le="5". */
const COLLATOR = new Intl.Collator("en", { numeric: true });

/** What is no number is less than any. */
function byValue(a: TableRow, b: TableRow): number {
  const [left, right] = [toNumber(a.value), toNumber(b.value)];
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(right)) - Number(Number.isNaN(left));
  return left - right;
}

export function nextSort(column: string, sort: string): string {
  return sort === `-${column}` ? column : `-${column}`;
}
