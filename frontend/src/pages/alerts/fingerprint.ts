/** The number by which Prometheus and Alertmanager know a label set: FNV-1a over the labels in order, 16 digits. */
import type { LabelSet } from "../../api/prometheus";

const OFFSET = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;
const MASK = 0xffffffffffffffffn;
const SEPARATOR = 0xff;
const ENCODER = new TextEncoder();

export function fingerprintOf(labels: LabelSet): string {
  let hash = OFFSET;
  const add = (byte: number) => {
    hash = ((hash ^ BigInt(byte)) * PRIME) & MASK;
  };
  for (const name of Object.keys(labels).sort()) {
    for (const text of [name, labels[name] ?? ""]) {
      for (const byte of ENCODER.encode(text)) add(byte);
      add(SEPARATOR);
    }
  }
  return hash.toString(16).padStart(16, "0");
}
