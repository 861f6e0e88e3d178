/** Asks for an API key; the server answers with a cookie that scripts cannot read. */
import { useState } from "preact/hooks";
import { signIn } from "../../api/session";
import { Icon } from "../../ui/icon";

export function LoginPage() {
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState<Error | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await signIn(key.trim());
    } catch (error) {
      setProblem(error as Error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="login" id="main">
      <form class="login-card" onSubmit={submit}>
        <div class="login-brand">
          <img src="/favicon.svg" alt="" width="36" height="36" />
          <h1>Sonde</h1>
        </div>
        <label class="field">
          <span>API key</span>
          <input
            class="input"
            type="password"
            autocomplete="current-password"
            autofocus
            required
            value={key}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        {problem && (
          <p class="login-problem" role="alert">
            <Icon name="alert" size={14} /> {problem.message}
          </p>
        )}
        <button type="submit" class="button button-primary" disabled={busy || key.trim() === ""}>
          Sign in
        </button>
        <p class="muted">
          On the server, <code>sonde keys create me --role read</code> prints one.
        </p>
      </form>
    </main>
  );
}
