/** People who stand in for others: those to come, and a form for another. */
import { useState } from "preact/hooks";
import { addOverride, type OnCall, removeOverride } from "../../api/rules";
import { useZone } from "../../time/zone";
import { ErrorNotice } from "../../ui/error-notice";
import { Icon } from "../../ui/icon";
import { Panel } from "../../ui/panel";
import { momentText } from "./rotation-panel";
import { fieldText, momentSeconds, overridesOf, problemOf } from "./timeline";

interface Props {
  onCall: OnCall;
  nowSeconds: number;
  onChanged(): void;
}

const HALF_DAY = 12 * 3600;

export function OverridePanel({ onCall, nowSeconds, onChanged }: Props) {
  const zone = useZone();
  const [open, setOpen] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const overrides = overridesOf(onCall, nowSeconds);
  const remove = async (id: string) => {
    setError(null);
    try {
      await removeOverride(id);
      onChanged();
    } catch (problem) {
      setError(problem as Error);
    }
  };
  return (
    <Panel
      title="Standing in"
      aside={
        <button type="button" class="button" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name="plus" size={14} /> Somebody stands in
        </button>
      }
    >
      {open && (
        <OverrideForm
          onCall={onCall}
          nowSeconds={nowSeconds}
          onDone={() => {
            setOpen(false);
            onChanged();
          }}
        />
      )}
      {error && (
        <div class="padded">
          <ErrorNotice error={error} />
        </div>
      )}
      {overrides.length === 0 ? (
        <p class="padded muted">Nobody stands in for somebody else.</p>
      ) : (
        <ul class="overrides">
          {overrides.map(({ id, rotation, person, since, until, by }) => (
            <li key={id}>
              <span>
                <b>{person}</b> for {rotation}, {momentText(momentSeconds(since), zone)} to{" "}
                {momentText(momentSeconds(until), zone)} {by && <span class="muted">says {by}</span>}
              </span>
              <button
                type="button"
                class="icon-button"
                title="Remove"
                aria-label={`Remove: ${person} stands in for ${rotation} from ${momentText(momentSeconds(since), zone)}`}
                onClick={() => void remove(id)}
              >
                <Icon name="close" size={14} />
              </button>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function OverrideForm({ onCall, nowSeconds, onDone }: { onCall: OnCall; nowSeconds: number; onDone(): void }) {
  const [rotation, setRotation] = useState(onCall.rotations[0]?.name ?? "");
  const [person, setPerson] = useState(onCall.people[0]?.name ?? "");
  const [since, setSince] = useState(fieldText(nowSeconds));
  const [until, setUntil] = useState(fieldText(nowSeconds + HALF_DAY));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const problem = problemOf(since, until);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (problem) return;
    setBusy(true);
    setError(null);
    try {
      await addOverride(rotation, person, new Date(since).toISOString(), new Date(until).toISOString());
      onDone();
    } catch (refused) {
      setError(refused as Error);
      setBusy(false);
    }
  };
  return (
    <form class="override-form" onSubmit={submit}>
      <label class="field">
        <span>Who</span>
        <select class="select" value={person} onChange={(event) => setPerson(event.currentTarget.value)}>
          {onCall.people.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>For the rotation</span>
        <select class="select" value={rotation} onChange={(event) => setRotation(event.currentTarget.value)}>
          {onCall.rotations.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>From, in local time</span>
        <input
          class="input"
          type="datetime-local"
          value={since}
          onInput={(event) => setSince(event.currentTarget.value)}
        />
      </label>
      <label class="field">
        <span>Until</span>
        <input
          class="input"
          type="datetime-local"
          value={until}
          aria-invalid={problem !== ""}
          onInput={(event) => setUntil(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button button-primary" disabled={busy || problem !== ""}>
        {busy ? "Saving…" : "Save"}
      </button>
      {problem && <p class="error-text">{problem}</p>}
      {error && <ErrorNotice error={error} />}
    </form>
  );
}
