/** The alerts of now: asked of rules, of the pipeline and of those who acknowledged, and joined. */
import { useMemo, useRef } from "preact/hooks";
import {
  type Acknowledgements,
  alertmanagerAddress,
  type ManagedAlert,
  type RuleGroups,
  rulesAddress,
} from "../../api/alerting";
import { address } from "../../api/client";
import type { PrometheusAnswer } from "../../api/prometheus";
import { useResource } from "../../api/resource";
import { type Alert, joinAlerts } from "./alert-list";

export interface PresentAlerts {
  /** Null until both rules and pipeline have answered once. */
  alerts: Alert[] | null;
  groups: RuleGroups["groups"];
  loading: boolean;
  error: Error | null;
}

/** @param name of the rule, where only its alerts are wanted */
export function useAlerts(version: string, name?: string): PresentAlerts {
  const rules = useResource<PrometheusAnswer<RuleGroups>>(rulesAddress(name), version);
  const managed = useResource<ManagedAlert[]>(alertmanagerAddress("/alerts"), version);
  // Acknowledging is beyond what has to be there: without an answer nobody has.
  const acknowledged = useResource<Acknowledgements>(address("/acknowledgements"), version);
  // Each of the two is told of even where the other fails, but not before it has answered.
  const settled = useRef({ rules: false, managed: false });
  settled.current.rules ||= rules.data !== null || rules.error !== null;
  settled.current.managed ||= managed.data !== null || managed.error !== null;
  const isSettled = settled.current.rules && settled.current.managed;
  const alerts = useMemo(
    () =>
      isSettled
        ? joinAlerts(rules.data?.data.groups ?? [], managed.data ?? [], acknowledged.data?.acknowledgements ?? [])
        : null,
    [isSettled, rules.data, managed.data, acknowledged.data],
  );
  return {
    alerts,
    groups: rules.data?.data.groups ?? [],
    loading: rules.loading || managed.loading,
    error: rules.error ?? managed.error,
  };
}
