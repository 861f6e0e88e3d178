/** Names as people think of them: the three series names of a histogram are one metric. */
import type { Metadata } from "../../api/prometheus";

export interface Family {
  name: string;
  type: string;
  help: string;
  /** How many series it has; null where nobody counted. */
  series: number | null;
  /** The names that it is made of; one, for all but histograms and summaries. */
  members: string[];
}

const PARTS = /_(bucket|sum|count)$/;

export function toFamilies(
  names: readonly string[],
  metadata: Metadata,
  counts: ReadonlyMap<string, number>,
): Family[] {
  const present = new Set(names);
  const families = new Map<string, Family>();
  for (const name of names) {
    const family = familyOf(name, metadata, present);
    const [about] = metadata[family] ?? metadata[family.replace(/_(total|created)$/, "")] ?? [];
    const entry = families.get(family) ?? {
      name: family,
      type: about?.type ?? "",
      help: about?.help ?? "",
      series: null,
      members: [],
    };
    entry.members.push(name);
    const counted = counts.get(name);
    if (counted !== undefined) entry.series = (entry.series ?? 0) + counted;
    if (entry.type === "" && entry.members.length > 1) entry.type = present.has(`${family}_bucket`) ? "histogram" : "";
    families.set(family, entry);
  }
  return [...families.values()];
}

/** By what is known of the metric; without that, a histogram is known by its parts. */
function familyOf(name: string, metadata: Metadata, present: ReadonlySet<string>): string {
  if (metadata[name]) return name;
  const base = name.replace(PARTS, "");
  if (base === name) return name;
  const type = metadata[base]?.[0]?.type;
  if (type === "histogram" || type === "gaugehistogram" || type === "summary") return base;
  return ["bucket", "sum", "count"].every((part) => present.has(`${base}_${part}`)) ? base : name;
}

/** The families in which every word is found, in the name or the help. */
export function findFamilies(families: readonly Family[], text: string): Family[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return families.filter(({ name, help, type }) => {
    const searched = `${name} ${type} ${help}`.toLowerCase();
    return words.every((word) => searched.includes(word));
  });
}

/** The member that one asks first. */
export function leadOf({ name, members }: Family): string {
  return members.find((member) => member.endsWith("_bucket")) ?? (members.includes(name) ? name : (members[0] ?? name));
}
