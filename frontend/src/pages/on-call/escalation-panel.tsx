/** Escalation policies as steps: who is told after how long, while nobody acknowledges. */
import type { Escalation } from "../../api/rules";
import { Panel } from "../../ui/panel";

interface Props {
  escalations: readonly Escalation[];
  /** The policy that a link asks for. */
  chosen: string;
}

export function EscalationPanel({ escalations, chosen }: Props) {
  return (
    <Panel title="Escalation" aside={<span class="muted">the first policy that fits an alert</span>}>
      {escalations.length === 0 ? (
        <p class="padded muted">No policy: nobody else is told when an alert is not acknowledged.</p>
      ) : (
        escalations.map((policy) => <Policy key={policy.name} policy={policy} isChosen={policy.name === chosen} />)
      )}
    </Panel>
  );
}

function Policy({ policy, isChosen }: { policy: Escalation; isChosen: boolean }) {
  const { name, matchers, steps, repeat } = policy;
  return (
    <section class={isChosen ? "escalation is-chosen" : "escalation"} aria-label={`Escalation policy ${name}`}>
      <header class="rotation-head">
        <h3>{name}</h3>
        {matchers.length === 0 ? (
          <span class="muted">every alert</span>
        ) : (
          matchers.map((matcher) => (
            <code key={matcher} class="tag">
              {matcher}
            </code>
          ))
        )}
      </header>
      <ol class="steps">
        {steps.map(({ after, notify }, index) => (
          <li key={index} class="step">
            <span class="step-after">{/^0\D*$/.test(after) ? "at once" : `after ${after}`}</span>
            <span class="step-who">
              {notify.map((who) => (
                <Target key={who} text={who} />
              ))}
            </span>
          </li>
        ))}
        <li class="step step-end">
          <span class="step-after">{repeat > 1 ? `${repeat} times` : "once"}</span>
          <span class="muted">{repeat > 1 ? "all steps, while nobody acknowledges" : "then nobody else is told"}</span>
        </li>
      </ol>
    </section>
  );
}

function Target({ text }: { text: string }) {
  const [kind, ...name] = text.split(" ");
  return (
    <span class="tag step-target">
      {kind} <b>{name.join(" ")}</b>
    </span>
  );
}
