/** What went wrong, in the server's words, and what to do next. */
import { ApiError } from "../api/client";
import { refresh } from "../time/clock";
import { Icon } from "./icon";

export function ErrorNotice({ error }: { error: Error }) {
  const hint = error instanceof ApiError ? error.hint : "";
  const code = error instanceof ApiError ? error.code : "";
  return (
    <div class="notice notice-error" role="alert">
      <Icon name="alert" />
      <div class="notice-text">
        <strong>{error.message}</strong>
        {hint && <p>{hint}</p>}
        {code && <code class="muted">{code}</code>}
      </div>
      <button type="button" class="button" onClick={refresh}>
        Try again
      </button>
    </div>
  );
}
