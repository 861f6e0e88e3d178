/** What Sonde does by itself: responses to alerts, dead-man's switches, the weekly digest. */
import type { ComponentChildren } from "preact";
import {
  DIGEST_SCHEDULE,
  type DigestSchedule,
  RESPONSES,
  type Responses,
  WATCHDOGS,
  type Watchdogs,
} from "../../api/automation";
import { type Resource, useResource } from "../../api/resource";
import { useQuery } from "../../router/query";
import { useTime } from "../../time/clock";
import { Empty, Snippet } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { Skeleton } from "../../ui/skeleton";
import { AlertsHead } from "../alerts/alerts-head";
import { LIVE_NOTE, useLive } from "../alerts/live";
import { DigestPanel, DigestPreview } from "./digest-panel";
import { DIGEST_EXAMPLE, RESPONSE_EXAMPLE, SONDE_EXAMPLE, WATCHDOG_EXAMPLE } from "./examples";
import { ResponsesPanel } from "./responses-panel";
import { WatchdogsPanel } from "./watchdogs-panel";

export function AutomationPage() {
  const { version, nowSeconds } = useLive();
  const time = useTime();
  const isPreviewed = useQuery().get("preview") === "1";
  const responses = useResource<Responses>(RESPONSES, version);
  const watchdogs = useResource<Watchdogs>(WATCHDOGS, version);
  const digest = useResource<{ digest: DigestSchedule | null }>(DIGEST_SCHEDULE, time.version);
  const preview = isPreviewed && <DigestPreview version={time.version} />;
  if ([responses, watchdogs, digest].every(isNothing)) {
    return (
      <Frame>
        <NothingAutomatic />
        {preview}
      </Frame>
    );
  }
  return (
    <Frame>
      <Part resource={responses}>
        {(told) => <ResponsesPanel responses={told.responses} nowSeconds={nowSeconds} />}
      </Part>
      <Part resource={watchdogs}>{(told) => <WatchdogsPanel watchdogs={told} nowSeconds={nowSeconds} />}</Part>
      <Part resource={digest}>
        {(told) => <DigestPanel schedule={told.digest} nowSeconds={nowSeconds} isPreviewed={isPreviewed} />}
      </Part>
      {preview}
    </Frame>
  );
}

function Frame({ children }: { children: ComponentChildren }) {
  return (
    <>
      <AlertsHead title="Automation" timeless>
        <span class="live-note">{LIVE_NOTE}</span>
      </AlertsHead>
      {children}
    </>
  );
}

interface PartProps<T> {
  resource: Resource<T>;
  children(told: T): ComponentChildren;
}

function Part<T>({ resource: { data, error }, children }: PartProps<T>) {
  if (data) return children(data);
  return error ? <ErrorNotice error={error} /> : <Skeleton rows={4} height={40} />;
}

function isNothing({ data }: Resource<Responses | Watchdogs | { digest: DigestSchedule | null }>): boolean {
  if (!data) return false;
  return Object.values(data).every((part) => part === null || (Array.isArray(part) && part.length === 0));
}

function NothingAutomatic() {
  return (
    <Empty title="Nothing happens by itself yet">
      <p>
        What is done when an alert begins to fire, who notices that something is silent, and when the week is summed up
        stands in the response file, beside Alertmanager's.
      </p>
      <div class="send-data nothing">
        <Snippet label="Automated responses" text={RESPONSE_EXAMPLE} />
        <Snippet label="Dead-man's switches" text={WATCHDOG_EXAMPLE} />
        <Snippet label="The weekly digest" text={DIGEST_EXAMPLE} />
        <Snippet label="Where Sonde finds it" text={SONDE_EXAMPLE} />
      </div>
    </Empty>
  );
}
