/** Leads to the runbook of an alert, if it has one. */
import type { RunbookNames } from "../../api/alerting";
import { address } from "../../api/client";
import type { LabelSet } from "../../api/prometheus";
import { useResource } from "../../api/resource";
import { Icon } from "../../ui/icon";
import { runbookLink } from "./links";

export function RunbookButton({ name, annotations }: { name: string; annotations: LabelSet }) {
  const { data } = useResource<RunbookNames>(address("/runbooks"));
  const link = runbookLink(name, annotations, data?.runbooks ?? []);
  return link === "" ? null : (
    <a class="button" href={link} target="_blank" rel="noreferrer">
      <Icon name="book" size={14} /> Runbook
    </a>
  );
}
