/** Dead-man's switches, both ways: whom we tell that we live, and what must come to us. */
import type { ComponentChildren } from "preact";
import type { Expectation, Ping, Watchdogs } from "../../api/automation";
import { Snippet } from "../../ui/empty";
import { Panel } from "../../ui/panel";
import { alertLink } from "../alerts/links";
import { shortDuration } from "../rules/rule-list";
import { WATCHDOG_EXAMPLE } from "./examples";
import { StateMark } from "./state-mark";
import { expectationOf, pingOf, type Told } from "./words";

interface Props {
  watchdogs: Watchdogs;
  nowSeconds: number;
}

export function WatchdogsPanel({ watchdogs: { pings, expectations }, nowSeconds }: Props) {
  return (
    <Panel title="Dead-man's switches" aside={<span class="muted">who notices that something is silent</span>}>
      {pings.length + expectations.length === 0 && (
        <div class="padded nothing">
          <p class="muted">
            Nobody notices when Sonde itself is gone, and nothing is waited for. Both stand in the response file:
          </p>
          <Snippet label="Watchdogs" text={WATCHDOG_EXAMPLE} />
        </div>
      )}
      {pings.length > 0 && (
        <Way title="Who watches Sonde">
          {pings.map((ping) => (
            <PingRow key={ping.name} ping={ping} nowSeconds={nowSeconds} />
          ))}
        </Way>
      )}
      {expectations.length > 0 && (
        <Way title="What must come to Sonde">
          {expectations.map((expectation) => (
            <ExpectationRow key={expectation.name} expectation={expectation} nowSeconds={nowSeconds} />
          ))}
        </Way>
      )}
    </Panel>
  );
}

function Way({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="automatic" aria-label={title}>
      <h3>{title}</h3>
      <ul class="watchdogs">{children}</ul>
    </section>
  );
}

function PingRow({ ping, nowSeconds }: { ping: Ping; nowSeconds: number }) {
  const { name, host, problem, every_seconds } = ping;
  return (
    <Row name={name} told={pingOf(ping, nowSeconds)}>
      {host ? (
        <>
          calls <b>{host}</b> every {shortDuration(every_seconds)}
        </>
      ) : (
        <span class="error-text">calls nobody: {problem}</span>
      )}
    </Row>
  );
}

function ExpectationRow({ expectation, nowSeconds }: { expectation: Expectation; nowSeconds: number }) {
  const { name, matchers, within_seconds, receivers, alert_labels, state } = expectation;
  return (
    <Row name={name} told={expectationOf(expectation, nowSeconds)}>
      {matchers.length > 0 ? (
        <>
          an alert with{" "}
          {matchers.map((matcher) => (
            <code key={matcher} class="tag">
              {matcher}
            </code>
          ))}
          , or a heartbeat,
        </>
      ) : (
        <>
          a heartbeat, <code>POST /api/v1/heartbeat/{name}</code>,
        </>
      )}{" "}
      within {shortDuration(within_seconds)}; else{" "}
      {state === "missing" ? <a href={alertLink(alert_labels)}>{alert_labels.alertname}</a> : alert_labels.alertname}{" "}
      fires
      {receivers.length > 0 && `, and ${receivers.join(", ")} ${receivers.length > 1 ? "are" : "is"} told`}
    </Row>
  );
}

function Row({ name, told, children }: { name: string; told: Told; children: ComponentChildren }) {
  return (
    <li class={`watchdog tone-${told.tone}`}>
      <b class="watchdog-name">{name}</b>
      <span class="watchdog-state">
        <StateMark tone={told.tone}>{told.state}</StateMark> {told.about}
      </span>
      <span class="watchdog-about">{children}</span>
    </li>
  );
}
