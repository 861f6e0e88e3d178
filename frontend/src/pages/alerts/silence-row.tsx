/** One silence: what it keeps quiet, why and for how long yet; to be changed, extended or ended. */
import { useState } from "preact/hooks";
import { expireSilence, putSilence, type Silence } from "../../api/alerting";
import { pageLink } from "../../router/query";
import { refresh } from "../../time/clock";
import { formatSeconds } from "../../time/duration";
import { formatClock, formatDate } from "../../time/format";
import { useZone } from "../../time/zone";
import { plural } from "../../ui/number";
import { MatcherChips } from "./labels";
import { silenceLink } from "./links";
import { fromSilenceMatcher, printMatcher } from "./matcher";
import { extended, progressOf } from "./silence-form";

interface Props {
  silence: Silence;
  /** How many it keeps quiet now. */
  alerts: number;
  nowSeconds: number;
  isChosen: boolean;
}

const EXTENSIONS: readonly { seconds: number; label: string }[] = [
  { seconds: 3600, label: "1 hour" },
  { seconds: 4 * 3600, label: "4 hours" },
  { seconds: 86_400, label: "1 day" },
  { seconds: 7 * 86_400, label: "1 week" },
];

export function SilenceRow({ silence, alerts, nowSeconds, isChosen }: Props) {
  const zone = useZone();
  const [asked, setAsked] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const { id, comment, createdBy } = silence;
  const { state } = silence.status;
  const matchers = silence.matchers.map(fromSilenceMatcher);
  const [start, end] = [Date.parse(silence.startsAt) / 1000, Date.parse(silence.endsAt) / 1000];
  const moment = (seconds: number) => `${formatDate(seconds, zone)} ${formatClock(seconds, zone)}`;
  const act = async (deed: () => Promise<unknown>) => {
    setBusy(true);
    try {
      await deed();
      setProblem("");
      refresh();
    } catch (error) {
      setProblem((error as Error).message);
    } finally {
      setBusy(false);
      setAsked(false);
    }
  };
  return (
    <li class={isChosen ? "silence-row is-chosen" : "silence-row"} aria-current={isChosen ? "true" : undefined}>
      <div class="silence-main">
        <div class="silence-line">
          <span class={`silence-state silence-state-${state}`}>{state}</span>
          <MatcherChips matchers={matchers} />
        </div>
        <p class="silence-comment">{comment}</p>
        <p class="muted">
          by {createdBy}
          {state === "active" && alerts > 0 && (
            <>
              {" · "}
              <a href={pageLink("/alerts", { state: "suppressed", matcher: matchers.map(printMatcher) })}>
                keeps {plural(alerts, "alert")} quiet
              </a>
            </>
          )}
          {state === "active" && alerts === 0 && " · nothing to keep quiet now"}
        </p>
        {problem && <p class="error-text">{problem}</p>}
      </div>
      <div class="silence-time" title={`${moment(start)} – ${moment(end)}`}>
        {state === "active" && <span>ends in {formatSeconds(Math.max(0, Math.round(end - nowSeconds)))}</span>}
        {state === "pending" && <span>begins {moment(start)}</span>}
        {state === "expired" && <span>ended {moment(end)}</span>}
        {state === "active" && (
          <span class="share-bar" aria-hidden="true">
            <span style={{ width: `${100 * progressOf(silence, nowSeconds)}%` }} />
          </span>
        )}
      </div>
      <div class="silence-actions">
        {state === "expired" ? (
          <a class="button" href={silenceLink(matchers)}>
            Again
          </a>
        ) : (
          <>
            <a class="button" href={pageLink(`/alerts/silences/${id}`)}>
              Edit
            </a>
            <select
              class="select"
              aria-label="Extend"
              disabled={busy}
              value=""
              onChange={(event) => {
                const seconds = Number(event.currentTarget.value);
                event.currentTarget.value = "";
                if (seconds > 0) void act(() => putSilence(extended(silence, seconds)));
              }}
            >
              <option value="">Extend…</option>
              {EXTENSIONS.map(({ seconds, label }) => (
                <option key={seconds} value={seconds}>
                  by {label}
                </option>
              ))}
            </select>
            <button
              type="button"
              class={asked ? "button button-danger" : "button"}
              disabled={busy}
              onClick={() => (asked ? void act(() => expireSilence(id)) : setAsked(true))}
              onBlur={() => setAsked(false)}
            >
              {asked ? "End it now?" : "Expire"}
            </button>
          </>
        )}
      </div>
    </li>
  );
}
