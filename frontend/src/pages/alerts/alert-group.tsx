/** All alerts of one name: what they share is said in the head, what sets each apart in its row. */
import type { LabelSet } from "../../api/prometheus";
import { pageLink } from "../../router/query";
import { formatAgo } from "../../time/format";
import { Icon } from "../../ui/icon";
import { plural } from "../../ui/number";
import { formatMetric } from "../metrics/metric-value";
import { type Alert, type AlertGroup, countStates, ownLabels, summaryOf } from "./alert-list";
import { AlertMarks, Receivers, StateMark } from "./alert-marks";
import { LabelChips } from "./labels";
import { alertLink, silenceLink } from "./links";
import { type Matcher, matchersOf } from "./matcher";
import { RunbookButton } from "./runbook-button";
import { toneOf } from "./severity";
import { SeverityMark } from "./severity-mark";

interface Props {
  group: AlertGroup;
  /** Alerts that are shown; the others are counted. */
  most: number;
  nowSeconds: number;
  onChoose(matcher: Matcher): void;
}

export function AlertGroupPanel({ group, most, nowSeconds, onChoose }: Props) {
  const { name, severity, alerts, common, rule } = group;
  const counts = countStates(alerts);
  const annotations = rule?.annotations ?? alerts[0]?.annotations ?? {};
  return (
    <section class={`panel alert-group tone-${toneOf(severity)}`} aria-label={`Alert ${name}`}>
      <header class="alert-group-head">
        <SeverityMark severity={severity} />
        <h2>{name || "(without a name)"}</h2>
        <span class="muted">
          {[
            counts.firing > 0 && `${counts.firing} firing`,
            counts.pending > 0 && `${counts.pending} pending`,
            counts.suppressed > 0 && `${counts.suppressed} quiet`,
          ]
            .filter(Boolean)
            .join(", ")}
        </span>
        <LabelChips labels={common} onChoose={onChoose} />
        <span class="alert-group-links">
          <RunbookButton name={name} annotations={annotations} />
          {alerts.length > 1 && (
            <a class="button" href={silenceLink([{ name: "alertname", operator: "=", value: name }])}>
              <Icon name="bellOff" size={14} /> Silence all
            </a>
          )}
        </span>
      </header>
      <ul class="alert-rows">
        {alerts.slice(0, most).map((alert) => (
          <AlertRow
            key={alert.fingerprint}
            alert={alert}
            labels={ownLabels(alert, group)}
            nowSeconds={nowSeconds}
            onChoose={onChoose}
          />
        ))}
      </ul>
      {alerts.length > most && (
        <p class="alert-row muted">
          <button
            type="button"
            class="button"
            onClick={() => onChoose({ name: "alertname", operator: "=", value: name })}
          >
            {plural(alerts.length - most, "more", "more")}
          </button>
        </p>
      )}
    </section>
  );
}

interface RowProps {
  alert: Alert;
  labels: LabelSet;
  nowSeconds: number;
  onChoose(matcher: Matcher): void;
}

function AlertRow({ alert, labels, nowSeconds, onChoose }: RowProps) {
  const told = summaryOf(alert.annotations);
  const named = told || Object.values(labels).join(" ") || alert.name;
  return (
    <li class="alert-row">
      <div class="alert-row-main">
        <a class="alert-summary" href={alertLink(alert.labels, alert.fingerprint)}>
          {named}
        </a>
        <div class="alert-row-about">
          <StateMark alert={alert} nowSeconds={nowSeconds} />
          <AlertMarks alert={alert} nowSeconds={nowSeconds} />
          <LabelChips labels={labels} onChoose={onChoose} />
          <Receivers names={alert.receivers} />
        </div>
      </div>
      <span class="alert-value" title="Value of the expression">
        {alert.value === null ? "" : formatMetric(alert.value)}
      </span>
      <time class="alert-since" dateTime={new Date(alert.since * 1000).toISOString()}>
        {formatAgo(alert.since, nowSeconds)}
      </time>
      <span class="alert-row-links">
        {alert.silencedBy.length === 0 && (
          <a
            class="icon-button"
            href={silenceLink(matchersOf(alert.labels))}
            title="Silence"
            data-action="silence"
            aria-label={`Silence ${alert.name}: ${named}`}
          >
            <Icon name="bellOff" size={15} />
          </a>
        )}
        {alert.rule && (
          <a
            class="icon-button"
            href={pageLink("/metrics-explorer", { expr: alert.rule.query })}
            title="Expression in the explorer"
            aria-label={`Expression of ${alert.name} in the explorer`}
          >
            <Icon name="metrics" size={15} />
          </a>
        )}
      </span>
    </li>
  );
}
