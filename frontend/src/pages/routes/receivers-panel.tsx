/** Who can be told, how that has gone, and a notification to try each out. */
import { useState } from "preact/hooks";
import { useResource } from "../../api/resource";
import { type IntegrationState, RECEIVERS, type ReceiverState, type ReceiverTest, testReceiver } from "../../api/rules";
import { session } from "../../api/session";
import { useStore } from "../../store";
import { formatSeconds } from "../../time/duration";
import { formatAgo } from "../../time/format";
import { ErrorNotice } from "../../ui/error-notice";
import { formatCount } from "../../ui/number";
import { Panel } from "../../ui/panel";
import { Skeleton } from "../../ui/skeleton";
import { kindName } from "./kind";

interface Props {
  version: string;
  nowSeconds: number;
}

export function ReceiversPanel({ version, nowSeconds }: Props) {
  const [sent, setSent] = useState(0);
  const told = useResource<{ receivers: ReceiverState[] }>(RECEIVERS, `${version} ${sent}`);
  return (
    <Panel title="Receivers" aside={<span class="muted">since Sonde was started</span>}>
      {told.error && (
        <div class="padded">
          <ErrorNotice error={told.error} />
        </div>
      )}
      {!told.data && !told.error && <Skeleton rows={3} />}
      {told.data?.receivers.map((receiver) => (
        <Receiver
          key={receiver.name}
          receiver={receiver}
          nowSeconds={nowSeconds}
          onSent={() => setSent((count) => count + 1)}
        />
      ))}
    </Panel>
  );
}

function Receiver({ receiver, nowSeconds, onSent }: { receiver: ReceiverState; nowSeconds: number; onSent(): void }) {
  const who = useStore(session);
  const [busy, setBusy] = useState(false);
  const [result, setResult] = useState<ReceiverTest | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const mayWrite = who.phase !== "known" || who.session.role !== "read";
  const send = async (status: "firing" | "resolved") => {
    setBusy(true);
    setError(null);
    try {
      setResult(await testReceiver(receiver.name, status));
    } catch (problem) {
      setResult(null);
      setError(problem as Error);
    } finally {
      setBusy(false);
      onSent();
    }
  };
  return (
    <section class="receiver" aria-label={`Receiver ${receiver.name}`}>
      <header class="receiver-head">
        <h3>{receiver.name}</h3>
        {receiver.integrations.length === 0 && <span class="muted">tells nobody</span>}
        {receiver.integrations.length > 0 && (
          <div class="receiver-buttons">
            {result?.status === "firing" && result.results.some(({ delivered }) => delivered) && (
              <button type="button" class="button" disabled={busy} onClick={() => void send("resolved")}>
                Send that it has ended
              </button>
            )}
            <button
              type="button"
              class="button"
              disabled={busy || !mayWrite}
              title={mayWrite ? "Through all of its integrations, now" : "This needs the role write"}
              aria-label={`Send a test notification to ${receiver.name}`}
              onClick={() => void send("firing")}
            >
              {busy ? "Sending…" : "Send a test notification"}
            </button>
          </div>
        )}
      </header>
      {receiver.integrations.map((integration) => (
        <Integration key={integration.key} integration={integration} nowSeconds={nowSeconds} />
      ))}
      {error && <ErrorNotice error={error} />}
      {result && (
        <ul class="receiver-results" role="status">
          {result.results.map(({ key, kind, delivered, error: said, duration_seconds: took }) => (
            <li key={key} class={delivered ? "" : "error-text"}>
              {delivered
                ? `${kindName(kind)}: the ${result.status === "firing" ? "test" : "end of the test"} arrived in ${formatSeconds(took)}.`
                : `${kindName(kind)}: ${said}`}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Integration({ integration, nowSeconds }: { integration: IntegrationState; nowSeconds: number }) {
  const {
    kind,
    where,
    sent,
    failed,
    last_attempt_at: last,
    last_error: error,
    last_duration_seconds: took,
  } = integration;
  return (
    <div class="integration">
      <span class="integration-kind">
        <span class="tag">{kindName(kind)}</span> {where}
        {!integration.send_resolved && <span class="muted"> without ends</span>}
      </span>
      <span class="integration-counts">
        <span>{formatCount(sent)} sent</span>
        <span class={failed > 0 ? "error-text" : "muted"}>{formatCount(failed)} failed</span>
      </span>
      <span class="integration-last">
        {last === null ? (
          <span class="muted">not used yet</span>
        ) : error ? (
          <span class="error-text">
            {formatAgo(Date.parse(last) / 1000, nowSeconds)}: {error}
          </span>
        ) : (
          <span class="muted">
            {formatAgo(Date.parse(last) / 1000, nowSeconds)}, took {formatSeconds(took)}
          </span>
        )}
      </span>
    </div>
  );
}
