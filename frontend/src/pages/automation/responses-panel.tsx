/** Automated responses: to which alerts they answer, with what, and how that went. */
import { type AutomatedResponse, RUNS } from "../../api/automation";
import { setQuery, useQuery } from "../../router/query";
import { Snippet } from "../../ui/empty";
import { plural } from "../../ui/number";
import { Panel } from "../../ui/panel";
import { RESPONSE_EXAMPLE } from "./examples";
import { RunRow } from "./run-row";
import { boundsText, commandText } from "./words";

interface Props {
  responses: readonly AutomatedResponse[];
  nowSeconds: number;
}

/** Runs of a response that are shown while nobody asks for more. */
const FEW = 3;

export function ResponsesPanel({ responses, nowSeconds }: Props) {
  return (
    <Panel title="Automated responses" aside={<span class="muted">once, when an alert begins to fire</span>}>
      {responses.length === 0 ? (
        <div class="padded nothing">
          <p class="muted">
            Nothing is done by itself when an alert begins to fire. A command or a webhook stands in the response file:
          </p>
          <Snippet label="A response" text={RESPONSE_EXAMPLE} />
        </div>
      ) : (
        responses.map((response) => <ResponseRuns key={response.name} response={response} nowSeconds={nowSeconds} />)
      )}
    </Panel>
  );
}

function ResponseRuns({ response, nowSeconds }: { response: AutomatedResponse; nowSeconds: number }) {
  const query = useQuery();
  const { name, matchers, runs, run_count } = response;
  const isOpen = query.get("response") === name;
  const shown = isOpen ? runs : runs.slice(0, FEW);
  const hidden = Math.min(run_count, RUNS) - FEW;
  return (
    <section class="automatic" aria-label={`Response ${name}`}>
      <header class="automatic-head">
        <h3>{name}</h3>
        {matchers.map((matcher) => (
          <code key={matcher} class="tag">
            {matcher}
          </code>
        ))}
      </header>
      <p class="automatic-about">
        <Deed response={response} /> <span class="muted">{boundsText(response)}</span>
      </p>
      {runs.length === 0 ? (
        <p class="muted">It has not run within the last seven days.</p>
      ) : (
        <ol class="runs" aria-label={`Runs of ${name}`}>
          {shown.map((run) => (
            <RunRow key={run.id} run={run} isOpen={query.get("run") === run.id} nowSeconds={nowSeconds} />
          ))}
        </ol>
      )}
      {hidden > 0 && (
        <button
          type="button"
          class="button"
          aria-expanded={isOpen}
          onClick={() => setQuery({ response: isOpen ? null : name, run: null })}
        >
          {isOpen ? "Fewer" : `${hidden} older`}
        </button>
      )}
      {isOpen && run_count > runs.length && (
        <span class="muted runs-rest">and {plural(run_count - runs.length, "older one")}, in the audit log</span>
      )}
    </section>
  );
}

function Deed({ response: { command, webhook } }: { response: AutomatedResponse }) {
  if (command) {
    return (
      <>
        runs <code>{commandText(command)}</code>
      </>
    );
  }
  if (!webhook?.host) return <span class="error-text">calls nobody: {webhook?.problem}</span>;
  return (
    <>
      calls <b>{webhook.host}</b>
    </>
  );
}
