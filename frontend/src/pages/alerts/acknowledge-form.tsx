/** Who has taken an alert, or the button with which one takes it. */
import { useState } from "preact/hooks";
import { acknowledge, withdrawAcknowledgement } from "../../api/alerting";
import { refresh } from "../../time/clock";
import { formatAgo } from "../../time/format";
import { ErrorNotice } from "../../ui/error-notice";
import { Icon } from "../../ui/icon";
import type { Alert } from "./alert-list";
import { rememberAuthor, rememberedAuthor, useSignedIn } from "./author";

export function AcknowledgeForm({ alert, nowSeconds }: { alert: Alert; nowSeconds: number }) {
  const signedIn = useSignedIn();
  const [author, setAuthor] = useState(rememberedAuthor);
  const [comment, setComment] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const { acknowledged, fingerprint } = alert;
  const act = async (deed: () => Promise<void>) => {
    setBusy(true);
    try {
      await deed();
      setError(null);
      setComment("");
      refresh();
    } catch (problem) {
      setError(problem as Error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {acknowledged ? (
        <div class="acknowledged">
          <Icon name="check" size={14} />
          <span>
            <b>{acknowledged.by}</b> has it since {formatAgo(Date.parse(acknowledged.at) / 1000, nowSeconds)}
            {acknowledged.comment && <span class="muted">: {acknowledged.comment}</span>}
          </span>
          <button
            type="button"
            class="button button-quiet"
            disabled={busy}
            onClick={() => act(() => withdrawAcknowledgement(fingerprint))}
          >
            Withdraw
          </button>
        </div>
      ) : (
        <form
          class="acknowledge-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (!signedIn) rememberAuthor(author.trim());
            void act(() => acknowledge(fingerprint, comment.trim(), signedIn ? "" : author.trim()));
          }}
        >
          {!signedIn && (
            <input
              class="input acknowledge-author"
              aria-label="Who you are"
              placeholder="Your name"
              maxLength={100}
              value={author}
              onInput={(event) => setAuthor(event.currentTarget.value)}
            />
          )}
          <input
            class="input"
            aria-label="Comment on the acknowledgement"
            placeholder="Comment, if you like"
            maxLength={500}
            value={comment}
            onInput={(event) => setComment(event.currentTarget.value)}
          />
          <button type="submit" class="button button-primary" disabled={busy}>
            Acknowledge
          </button>
        </form>
      )}
      {error && <ErrorNotice error={error} />}
    </>
  );
}
