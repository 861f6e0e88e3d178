/** One alert: what it is, its value against its threshold, who has it, who was told, and when it fired before. */
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { AlertingRule } from "../../api/alerting";
import type { LabelSet, PrometheusAnswer, RangeResult } from "../../api/prometheus";
import { useResource } from "../../api/resource";
import { pageLink, useQuery } from "../../router/query";
import { useTime } from "../../time/clock";
import { formatSeconds } from "../../time/duration";
import { formatAgo, formatClock, formatDate } from "../../time/format";
import { useZone } from "../../time/zone";
import { Empty } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { Icon } from "../../ui/icon";
import { PageHead } from "../../ui/page-head";
import { Panel } from "../../ui/panel";
import { Skeleton } from "../../ui/skeleton";
import { formatMetric } from "../metrics/metric-value";
import { AcknowledgeForm } from "./acknowledge-form";
import { AlertGraph } from "./alert-graph";
import { type Alert, summaryOf } from "./alert-list";
import { AlertMarks, Receivers, StateMark } from "./alert-marks";
import { FiringTable } from "./firing-table";
import { firingsAddress, toFirings } from "./firings";
import { LabelChips } from "./labels";
import { toPieces } from "./linked-text";
import { silenceLink } from "./links";
import { useLive } from "./live";
import { matchersOf, printMatcher, readMatchers } from "./matcher";
import { RunbookButton } from "./runbook-button";
import { toneOf } from "./severity";
import { SeverityMark } from "./severity-mark";
import { ToldPanel } from "./told-panel";
import { useAlerts } from "./use-alerts";

export function AlertPage({ fingerprint }: { fingerprint: string }) {
  const query = useQuery();
  const { version, nowSeconds } = useLive();
  // Of an alert that is over, only the address knows the labels.
  const written = useMemo(() => labelsOf(query), [query]);
  const { alerts, groups, error } = useAlerts(version, written.alertname);
  const alert = alerts?.find((each) => each.fingerprint === fingerprint) ?? null;
  const present = alert?.labels;
  const labels = useMemo(() => present ?? written, [JSON.stringify(present ?? written)]);
  const name = labels.alertname ?? "";
  const rule =
    alert?.rule ??
    ruleNamed(
      groups.flatMap((group) => group.rules),
      name,
    );
  return (
    <>
      <PageHead
        title={name || "Alert"}
        heading={
          <h1 class="crumbs">
            <a href={pageLink("/alerts")}>Alerts</a>
            <Icon name="chevronRight" size={12} />
            <span class="crumb-here">{name || fingerprint}</span>
          </h1>
        }
        live
      />
      {error && <ErrorNotice error={error} />}
      {!alerts && !error && <Skeleton rows={10} height={36} />}
      {alerts && !alert && name === "" && (
        <Empty title="This alert is over, or never was">
          <p>Its labels are not in the address, so nothing more can be said of it. The history has all that fired.</p>
          <a class="button" href={pageLink("/alerts/history")}>
            Go to the history
          </a>
        </Empty>
      )}
      {alerts && name !== "" && (
        <AlertDetails alert={alert} labels={labels} rule={rule} version={version} nowSeconds={nowSeconds} />
      )}
    </>
  );
}

function labelsOf(query: URLSearchParams): LabelSet {
  const exact = readMatchers(query.getAll("matcher")).filter(({ operator }) => operator === "=");
  return Object.fromEntries(exact.map(({ name, value }) => [name, value]));
}

/** The rule that makes alerts of this name; its labels tell several apart. */
function ruleNamed(rules: readonly AlertingRule[], name: string): AlertingRule | null {
  return rules.find((rule) => rule.name === name) ?? null;
}

interface DetailsProps {
  /** Null when it is over. */
  alert: Alert | null;
  labels: LabelSet;
  rule: AlertingRule | null;
  version: string;
  nowSeconds: number;
}

const NONE: LabelSet = {};

function AlertDetails({ alert, labels, rule, version, nowSeconds }: DetailsProps) {
  const { window, version: asked } = useTime();
  const history = useResource<PrometheusAnswer<RangeResult>>(firingsAddress(matchersOf(labels), window), asked);
  const firings = useMemo(() => toFirings(history.data?.data.result ?? [], window), [history.data, window]);
  const annotations = alert?.annotations ?? rule?.annotations ?? NONE;
  const severity = labels.severity ?? "";
  return (
    <>
      <AlertSummary alert={alert} labels={labels} annotations={annotations} nowSeconds={nowSeconds} />
      {rule && <AlertGraph expression={rule.query} labels={labels} ruleLabels={rule.labels} firings={firings} />}
      <div class="alert-columns">
        <div>
          <Panel title="About it" class={`tone-${toneOf(severity)}`}>
            <Annotations annotations={annotations} isTemplate={alert === null} />
            <dl class="facts alert-facts">
              <Fact name="Labels">
                <LabelChips labels={labels} />
              </Fact>
              {rule && (
                <>
                  <Fact name="Fires when">
                    <code class="alert-expression">{rule.query}</code>
                  </Fact>
                  <Fact name="For">
                    {rule.duration > 0 ? `${formatSeconds(rule.duration)} without a break` : "at once"}
                    {rule.keepFiringFor > 0 && `, and ${formatSeconds(rule.keepFiringFor)} beyond the end`}
                  </Fact>
                  {rule.lastError && (
                    <Fact name="Error">
                      <span class="error-text">{rule.lastError}</span>
                    </Fact>
                  )}
                </>
              )}
              {!rule && <Fact name="Comes from">elsewhere: a program that posts alerts to Sonde</Fact>}
            </dl>
          </Panel>
        </div>
        <div>
          <ToldPanel labels={labels} version={version} />
          <Panel
            title="When it was active"
            aside={
              <a href={pageLink("/alerts/history", { matcher: matchersOf(onlyName(labels)).map(printMatcher) })}>
                All of this name
              </a>
            }
          >
            {history.error && <ErrorNotice error={history.error} />}
            {history.data && <FiringTable firings={firings} window={window} withLabels={false} />}
          </Panel>
        </div>
      </div>
    </>
  );
}

function onlyName({ alertname = "" }: LabelSet): LabelSet {
  return { alertname };
}

interface SummaryProps {
  alert: Alert | null;
  labels: LabelSet;
  annotations: LabelSet;
  nowSeconds: number;
}

function AlertSummary({ alert, labels, annotations, nowSeconds }: SummaryProps) {
  const zone = useZone();
  const severity = labels.severity ?? "";
  const name = labels.alertname ?? "";
  return (
    <section class={`panel alert-summary-panel tone-${toneOf(severity)}`} aria-label="Alert">
      <div class="alert-summary-head">
        <SeverityMark severity={severity} />
        <h2>{(alert && summaryOf(annotations)) || name}</h2>
      </div>
      <div class="alert-row-about">
        {alert ? <StateMark alert={alert} nowSeconds={nowSeconds} /> : <span class="alert-state">not active now</span>}
        {alert && (
          <span class="muted">
            since {formatDate(alert.since, zone)} {formatClock(alert.since, zone)}, {formatAgo(alert.since, nowSeconds)}
          </span>
        )}
        {alert?.value !== null && alert !== null && (
          <span>
            value <b>{formatMetric(alert.value)}</b>
          </span>
        )}
        {alert && <AlertMarks alert={{ ...alert, acknowledged: null }} nowSeconds={nowSeconds} />}
        {alert && <Receivers names={alert.receivers} />}
      </div>
      <div class="alert-actions">
        {alert?.state === "firing" && <AcknowledgeForm alert={alert} nowSeconds={nowSeconds} />}
        <a class="button" href={silenceLink(matchersOf(labels))}>
          <Icon name="bellOff" size={14} /> Silence
        </a>
        <RunbookButton name={name} annotations={alert ? annotations : NONE} />
      </div>
    </section>
  );
}

function Annotations({ annotations, isTemplate }: { annotations: LabelSet; isTemplate: boolean }) {
  const shown = Object.entries(annotations).filter(([name]) => !isTemplate || name !== "runbook_url");
  if (shown.length === 0) return null;
  return (
    <dl class="facts alert-facts">
      {shown.map(([name, text]) => (
        <Fact key={name} name={name.replaceAll("_", " ")}>
          <span class="annotation">
            {toPieces(text).map(({ text: piece, href }, index) =>
              href ? (
                <a key={index} href={href} target="_blank" rel="noreferrer">
                  {piece}
                </a>
              ) : (
                piece
              ),
            )}
          </span>
        </Fact>
      ))}
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact fact-wide">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
