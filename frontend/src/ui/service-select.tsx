/** Chooses one service, or all, of those that sent something in the window. */
import { address } from "../api/client";
import { useResource } from "../api/resource";
import type { Services } from "../api/types";
import type { TimeWindow } from "../time/range";

export function useServices(window: TimeWindow): Services["services"] {
  const { data } = useResource<Services>(address("/services", { start: window.startSeconds, end: window.endSeconds }));
  return data?.services ?? [];
}

interface Props {
  services: Services["services"];
  chosen: string;
  onChoose(service: string): void;
}

export function ServiceSelect({ services, chosen, onChoose }: Props) {
  const names = services.map(({ service }) => service);
  if (chosen && !names.includes(chosen)) names.unshift(chosen);
  return (
    <select
      class={chosen ? "select is-set" : "select"}
      aria-label="Service"
      value={chosen}
      onChange={(event) => onChoose(event.currentTarget.value)}
    >
      <option value="">All services</option>
      {names.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  );
}
