/** For the first page: how many alerts fire, in one line. Says nothing where nobody can tell. */
import { alertmanagerAddress, type ManagedAlert } from "../../api/alerting";
import { useResource } from "../../api/resource";
import { pageLink } from "../../router/query";
import { Icon } from "../../ui/icon";
import { plural } from "../../ui/number";
import { bySeverity, toneOf } from "./severity";

export function FiringLine({ version }: { version: string }) {
  const { data } = useResource<ManagedAlert[]>(
    alertmanagerAddress("/alerts", { silenced: "false", inhibited: "false" }),
    version,
  );
  // Alerts that say of themselves that they are nothing, such as a watchdog, are on the page of alerts only.
  const shown = Array.isArray(data) ? data.filter(({ labels }) => labels.severity !== "none") : [];
  if (shown.length === 0) return null;
  const severities = shown.map(({ labels }) => labels.severity ?? "").sort(bySeverity);
  const names = [...new Set(shown.map(({ labels }) => labels.alertname ?? ""))];
  return (
    <a class={`firing-line tone-${toneOf(severities[0] ?? "")}`} href={pageLink("/alerts")}>
      <Icon name="bell" size={15} />
      <b>{plural(shown.length, "alert fires", "alerts fire")}</b>
      <span class="firing-line-names">{names.join(", ")}</span>
    </a>
  );
}
