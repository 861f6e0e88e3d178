/** Who is on call now and next, who stands in, and who is told while nobody acknowledges. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ApiError } from "../../api/client";
import { useResource } from "../../api/resource";
import { ON_CALL, type OnCall } from "../../api/rules";
import { useQuery } from "../../router/query";
import { Empty, Snippet } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { Skeleton } from "../../ui/skeleton";
import { AlertsHead } from "../alerts/alerts-head";
import { useLive } from "../alerts/live";
import { EscalationPanel } from "./escalation-panel";
import { OverridePanel } from "./override-panel";
import { RotationPanel } from "./rotation-panel";

const RESPONSE = `# response.yml
people:
  - {name: alice, receivers: [alice-phone]}
  - {name: bob, receivers: [bob-mail]}
rotations:
  - {name: primary, people: [alice, bob], every: 1w, handoff: "Monday 09:00", time_zone: Europe/Berlin, start: 2026-01-05}
escalations:
  - name: critical
    matchers: ['severity="critical"']
    steps:
      - {after: 0m, notify: [rotation primary]}
      - {after: 10m, notify: [person bob, receiver ops]}`;

const SONDE_CONFIG = `# sonde.yaml
alertmanager:
  config_file: alertmanager.yml
  response_file: response.yml`;

export function OnCallPage() {
  const { version, nowSeconds } = useLive();
  const policy = useQuery().get("policy") ?? "";
  const [changes, setChanges] = useState(0);
  const told = useResource<OnCall>(ON_CALL, `${version} ${changes}`);
  const changed = () => setChanges((count) => count + 1);
  if (told.error && !(told.error instanceof ApiError && told.error.status === 404)) {
    return (
      <Frame>
        <ErrorNotice error={told.error} />
      </Frame>
    );
  }
  if (!told.data && !told.error) {
    return (
      <Frame>
        <Skeleton rows={8} height={40} />
      </Frame>
    );
  }
  if (!told.data || (told.data.rotations.length === 0 && told.data.escalations.length === 0)) {
    return (
      <Frame>
        <NobodyOnCall />
      </Frame>
    );
  }
  const onCall = told.data;
  return (
    <Frame>
      <RotationPanel rotations={onCall.rotations} people={onCall.people} nowSeconds={nowSeconds} />
      {onCall.rotations.length > 0 && <OverridePanel onCall={onCall} nowSeconds={nowSeconds} onChanged={changed} />}
      <EscalationPanel escalations={onCall.escalations} chosen={policy} />
    </Frame>
  );
}

function Frame({ children }: { children: ComponentChildren }) {
  return (
    <>
      <AlertsHead title="On call" timeless />
      {children}
    </>
  );
}

function NobodyOnCall() {
  return (
    <Empty title="Nobody is on call yet">
      <p>
        Who takes turns, and who is told while nobody acknowledges, stands in a file beside Alertmanager's. Receivers
        are those of Alertmanager's file.
      </p>
      <div class="send-data">
        <Snippet label="Who is told when" text={RESPONSE} />
        <Snippet label="Where Sonde finds it" text={SONDE_CONFIG} />
      </div>
    </Empty>
  );
}
