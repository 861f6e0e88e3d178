/** One run: when, for which alert, how it went, and what the command wrote. */
import { useId } from "preact/hooks";
import type { ResponseRun } from "../../api/automation";
import { setQuery } from "../../router/query";
import { formatDuration } from "../../time/duration";
import { formatAgo, formatClock, formatDate } from "../../time/format";
import { useZone } from "../../time/zone";
import { LabelChips } from "../alerts/labels";
import { alertLink } from "../alerts/links";
import { toSeconds } from "../rules/rule-list";
import { ScrolledText } from "./scrolled-text";
import { StateMark } from "./state-mark";
import { apartOf, outcomeOf, tookNano } from "./words";

interface Props {
  run: ResponseRun;
  isOpen: boolean;
  nowSeconds: number;
}

/** Labels of an alert that are shown beside its name. */
const LABELS = 4;

export function RunRow({ run, isOpen, nowSeconds }: Props) {
  const zone = useZone();
  const id = useId();
  const begun = toSeconds(run.begun_at ?? "") ?? nowSeconds;
  const clock = formatClock(begun, zone);
  const alert = run.labels.alertname || "an alert";
  const { tone, state, about } = outcomeOf(run);
  const took = tookNano(run);
  const { shown, more } = apartOf(run.labels, LABELS);
  return (
    <li class="run">
      <span class="run-time">
        {formatDate(begun, zone)} {clock} <span class="muted">{formatAgo(begun, nowSeconds)}</span>
      </span>
      <span class="run-outcome">
        <StateMark tone={tone}>{state}</StateMark>
        {took !== null && <span class="muted">in {formatDuration(took)}</span>}
      </span>
      <span class="run-alert">
        <a href={alertLink(run.labels, run.fingerprint)}>{run.labels.alertname || "(no name)"}</a>
        <LabelChips labels={shown} />
        {more > 0 && <span class="muted">and {more} more</span>}
      </span>
      {about && <p class="run-detail">{about}</p>}
      {run.output !== "" && (
        <button
          type="button"
          class="link-button run-toggle"
          aria-expanded={isOpen}
          aria-controls={isOpen ? id : undefined}
          aria-label={`${isOpen ? "Hide" : "Show"} the output of the run for ${alert}, ${clock}`}
          onClick={() => setQuery({ run: isOpen ? null : run.id })}
        >
          {isOpen ? "Hide output" : "Show output"}
        </button>
      )}
      {isOpen && run.output !== "" && (
        <div class="run-output" id={id}>
          {run.output_is_cut && <p class="muted">The beginning is left out.</p>}
          <ScrolledText class="run-text" label={`Output of the run for ${alert}, ${clock}`} text={run.output} />
        </div>
      )}
    </li>
  );
}
