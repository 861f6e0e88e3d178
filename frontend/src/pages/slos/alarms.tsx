/** The alerts of an objective that fire or are about to. */
import type { Slo } from "../../api/rules";
import { alarms } from "./figure";

export function Alarms({ slo }: { slo: Slo }) {
  const found = alarms(slo);
  if (found.length === 0) return <span class="muted">none</span>;
  return (
    <span class="slo-alarms">
      {found.map(({ text, severity, state }) => (
        <span key={text} class={state === "firing" ? "state state-firing" : "state state-pending"}>
          {severity ? `${severity}: ` : ""}
          {text}
          {state === "pending" && " (pending)"}
        </span>
      ))}
    </span>
  );
}
