/** A silence to be made or changed: matchers, how long, who and why; beside it the alerts that it would keep quiet. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { alertmanagerAddress, putSilence, type Silence } from "../../api/alerting";
import { useResource } from "../../api/resource";
import { navigate } from "../../router/location";
import { pageLink, setQuery, useQuery } from "../../router/query";
import { refresh } from "../../time/clock";
import { formatClock, formatDate } from "../../time/format";
import { useZone } from "../../time/zone";
import { Empty } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { Icon } from "../../ui/icon";
import { plural } from "../../ui/number";
import { PageHead } from "../../ui/page-head";
import { Panel } from "../../ui/panel";
import { Segmented } from "../../ui/segmented";
import { Skeleton } from "../../ui/skeleton";
import { type Alert, silenced, summaryOf } from "./alert-list";
import { StateMark } from "./alert-marks";
import { rememberAuthor, rememberedAuthor, useSignedIn } from "./author";
import { LabelChips } from "./labels";
import { alertLink } from "./links";
import { useLive } from "./live";
import { type Matcher, printMatcher, problemOf, silencesEverything } from "./matcher";
import { MatcherEditor } from "./matcher-editor";
import { SeverityMark } from "./severity-mark";
import { DURATIONS, draftOf, endOf, problemsOf, readDraft, type SilenceDraft, startOf, toPosted } from "./silence-form";
import { useAlerts } from "./use-alerts";

/** @param id of the silence that is changed; "" for a new one */
export function SilencePage({ id }: { id: string }) {
  const title = id ? "Change a silence" : "New silence";
  const { data, error, loading } = useResource<Silence>(id ? alertmanagerAddress(`/silence/${id}`) : null);
  return (
    <>
      <PageHead
        title={title}
        heading={
          <h1 class="crumbs">
            <a href={pageLink("/alerts")}>Alerts</a>
            <Icon name="chevronRight" size={12} />
            <a href={pageLink("/alerts/silences")}>Silences</a>
            <Icon name="chevronRight" size={12} />
            <span class="crumb-here">{title}</span>
          </h1>
        }
        timeless
      />
      {error && (
        <Empty title="There is no such silence">
          <p>It ended some time ago and was forgotten, or it belongs to another tenant.</p>
          <a class="button" href={pageLink("/alerts/silences")}>
            All silences
          </a>
        </Empty>
      )}
      {id !== "" && loading && !data && <Skeleton rows={8} height={40} />}
      {(id === "" || data) && <SilenceForm silence={data} />}
    </>
  );
}

function SilenceForm({ silence }: { silence: Silence | null }) {
  const query = useQuery();
  const { version, nowSeconds } = useLive();
  const zone = useZone();
  const signedIn = useSignedIn();
  const [draft, setDraft] = useState<SilenceDraft>(() =>
    silence ? draftOf(silence) : { id: "", author: rememberedAuthor(), ...readDraft(query) },
  );
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const { alerts, error: alertsError } = useAlerts(version);
  const comment = useRef<HTMLTextAreaElement>(null);
  const isPrefilled = useRef(draft.matchers.length > 0);
  useEffect(() => {
    if (isPrefilled.current) comment.current?.focus({ preventScroll: true });
  }, []);
  const author = signedIn || draft.author;
  const whole = { ...draft, matchers: draft.matchers.filter(({ name, value }) => name !== "" || value !== ""), author };
  const problems = problemsOf(whole, nowSeconds);
  const shownProblems = tried ? problems : {};
  const quiet = useMemo(
    () => (alerts && isUsable(whole.matchers) ? silenced(alerts, whole.matchers) : []),
    [alerts, JSON.stringify(whole.matchers)],
  );
  const labels = useMemo(() => (alerts ?? []).map((alert) => alert.labels), [alerts]);
  const change = (next: Partial<SilenceDraft>) => {
    const changed = { ...draft, ...next };
    setDraft(changed);
    // What is filled in stands in the address, so that a link shows somebody else the same; of an old one its id is enough.
    if (draft.id === "" && (next.matchers || next.duration !== undefined || next.start !== undefined)) {
      setQuery(
        {
          matcher: changed.matchers.filter(({ name }) => name !== "").map(printMatcher),
          duration: changed.duration === "1h" ? null : changed.duration,
          from: changed.start,
        },
        { replace: true },
      );
    }
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(problems).length > 0) return;
    setBusy(true);
    try {
      const id = await putSilence(toPosted(whole, nowSeconds));
      if (!signedIn) rememberAuthor(author.trim());
      refresh();
      navigate(pageLink("/alerts/silences", { chosen: id }));
    } catch (problem) {
      setError(problem as Error);
      setBusy(false);
    }
  };
  const start = startOf(draft.start, nowSeconds) ?? nowSeconds;
  const end = endOf(draft.duration, start);
  return (
    <form class="silence-columns" onSubmit={submit} noValidate>
      <Panel title={silence ? "This silence" : "Which alerts are to be quiet"}>
        <div class="silence-form">
          <Field name="Alerts with all of these labels" problem={shownProblems.matchers}>
            <MatcherEditor matchers={draft.matchers} labels={labels} onChange={(matchers) => change({ matchers })} />
          </Field>
          <Field name="For how long" problem={shownProblems.duration}>
            <div class="duration-choice">
              <Segmented
                label="Duration"
                options={DURATIONS}
                chosen={draft.duration}
                onChoose={(duration) => change({ duration })}
              />
              <input
                class="input"
                aria-label="Another duration, or a time"
                placeholder="90m, or 2026-08-01 18:00"
                aria-invalid={end === null}
                value={DURATIONS.some(({ value }) => value === draft.duration) ? "" : draft.duration}
                onInput={(event) => change({ duration: event.currentTarget.value })}
              />
            </div>
            <p class="muted">
              {end === null ? "" : `Until ${formatDate(end, zone)} ${formatClock(end, zone)}`}
              {draft.start !== "" && `, from ${formatDate(start, zone)} ${formatClock(start, zone)}`}
            </p>
          </Field>
          <LabelledInput
            name="Begins (empty: now)"
            placeholder="2026-08-01 18:00"
            value={draft.start}
            problem={shownProblems.start}
            onInput={(text) => change({ start: text })}
          />
          {signedIn ? (
            <p class="field">
              <span>Who</span>
              <b>{signedIn}</b>
            </p>
          ) : (
            <LabelledInput
              name="Who you are"
              placeholder="Your name"
              value={draft.author}
              problem={shownProblems.author}
              onInput={(text) => change({ author: text })}
            />
          )}
          <label class="field">
            <span>Why</span>
            <textarea
              ref={comment}
              class="input"
              rows={2}
              placeholder="What is being done, and where others can read on"
              aria-invalid={shownProblems.comment !== undefined}
              value={draft.comment}
              onInput={(event) => change({ comment: event.currentTarget.value })}
            />
            {shownProblems.comment && <em class="field-problem">{shownProblems.comment}</em>}
          </label>
          {error && <ErrorNotice error={error} />}
          <div class="silence-buttons">
            <button type="submit" class="button button-primary" disabled={busy}>
              {silence ? "Save" : "Silence"} {quiet.length > 0 && plural(quiet.length, "alert")}
            </button>
            <a class="button button-quiet" href={pageLink("/alerts/silences")}>
              Cancel
            </a>
          </div>
        </div>
      </Panel>
      <Panel
        title="Present alerts that it keeps quiet"
        aside={<span class="muted">{alerts && `${quiet.length} of ${alerts.length}`}</span>}
      >
        {alertsError && <ErrorNotice error={alertsError} />}
        <Preview alerts={quiet} isUsable={isUsable(whole.matchers)} nowSeconds={nowSeconds} />
      </Panel>
    </form>
  );
}

function isUsable(matchers: readonly Matcher[]): boolean {
  return matchers.length > 0 && matchers.every((matcher) => problemOf(matcher) === "") && !silencesEverything(matchers);
}

const SHOWN = 50;

interface PreviewProps {
  alerts: readonly Alert[];
  isUsable: boolean;
  nowSeconds: number;
}

function Preview({ alerts, isUsable: usable, nowSeconds }: PreviewProps) {
  if (!usable) return <p class="padded muted">Say which alerts: a label and its value.</p>;
  if (alerts.length === 0)
    return <p class="padded muted">None of those that are active now. It is for those to come.</p>;
  return (
    <ul class="preview-rows">
      {alerts.slice(0, SHOWN).map((alert) => {
        const { alertname: _, severity: __, ...others } = alert.labels;
        return (
          <li key={alert.fingerprint}>
            <span class="preview-head">
              <SeverityMark severity={alert.severity} />
              <a href={alertLink(alert.labels, alert.fingerprint)}>{alert.name}</a>
              <StateMark alert={alert} nowSeconds={nowSeconds} />
            </span>
            <span class="muted">{summaryOf(alert.annotations)}</span>
            <LabelChips labels={others} />
          </li>
        );
      })}
      {alerts.length > SHOWN && <li class="muted">and {plural(alerts.length - SHOWN, "more", "more")}</li>}
    </ul>
  );
}

function Field({
  name,
  problem,
  children,
}: {
  name: string;
  problem: string | undefined;
  children: ComponentChildren;
}) {
  const id = useId();
  return (
    <div class="field" role="group" aria-labelledby={id}>
      <span id={id}>{name}</span>
      {children}
      {problem && <em class="field-problem">{problem}</em>}
    </div>
  );
}

interface InputProps {
  name: string;
  placeholder: string;
  value: string;
  problem: string | undefined;
  onInput(text: string): void;
}

function LabelledInput({ name, placeholder, value, problem, onInput }: InputProps) {
  return (
    <label class="field">
      <span>{name}</span>
      <input
        class="input"
        placeholder={placeholder}
        aria-invalid={problem !== undefined}
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      {problem && <em class="field-problem">{problem}</em>}
    </label>
  );
}
