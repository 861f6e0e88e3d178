/** All of one rule: its expression, its timing, its annotations, and the alerts that it has. */
import type { Rule } from "../../api/rules";
import { pageLink } from "../../router/query";
import { formatAgo } from "../../time/format";
import { CopyButton } from "../../ui/copy";
import { LabelChips } from "../alerts/labels";
import { alertsOf, shortDuration, toSeconds } from "./rule-list";

/** Alerts at first; more than that nobody reads here. */
const SHOWN = 20;

export function RuleDetails({ rule, nowSeconds }: { rule: Rule; nowSeconds: number }) {
  const alerts = alertsOf(rule);
  return (
    <div class="rule-more">
      <div class="rule-expression">
        <pre>{rule.query}</pre>
        <CopyButton text={rule.query} label={`Copy the expression of ${rule.name}`} />
      </div>
      {rule.type === "alerting" && (
        <dl class="rule-facts">
          <dt>Fires</dt>
          <dd>
            {rule.duration > 0 ? `after ${shortDuration(rule.duration)}` : "at once"}
            {rule.keepFiringFor > 0 && `, and for ${shortDuration(rule.keepFiringFor)} after the condition is over`}
          </dd>
          {Object.entries(rule.annotations).map(([name, text]) => (
            <Annotation key={name} name={name} text={text} />
          ))}
        </dl>
      )}
      {alerts.length > 0 && (
        <div class="table-scroll">
          <table class="table rule-alert-table">
            <caption class="visually-hidden">Alerts of {rule.name}</caption>
            <thead>
              <tr>
                <th scope="col">Alert</th>
                <th scope="col">Labels</th>
                <th scope="col" class="cell-number">
                  Since
                </th>
                <th scope="col" class="cell-number">
                  Value
                </th>
              </tr>
            </thead>
            <tbody>
              {alerts.slice(0, SHOWN).map(({ labels, state, activeAt, value }) => (
                <tr key={JSON.stringify(labels)}>
                  <td>
                    <span class={`state state-${state}`}>{state}</span>
                  </td>
                  <td>
                    <LabelChips labels={labels} />
                  </td>
                  <td class="cell-number">{formatAgo(toSeconds(activeAt) ?? nowSeconds, nowSeconds)}</td>
                  <td class="cell-number">{Number.isFinite(Number(value)) ? String(Number(value)) : value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {alerts.length > SHOWN && (
        <p>
          <a href={pageLink("/alerts", { matcher: `alertname="${rule.name}"` })}>All {alerts.length} alerts of it</a>
        </p>
      )}
    </div>
  );
}

function Annotation({ name, text }: { name: string; text: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>
        {/^https?:\/\/\S+$/.test(text) ? (
          <a href={text} target="_blank" rel="noreferrer">
            {text}
          </a>
        ) : (
          text
        )}
      </dd>
    </>
  );
}
