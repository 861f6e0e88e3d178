/** Everything about the selected span: what went wrong first, then the model call, attributes, events, links and its logs. */
import { useEffect, useRef } from "preact/hooks";
import type { LogRecord, Span, SpanEvent } from "../../api/types";
import { navigate } from "../../router/location";
import { pageLink } from "../../router/query";
import { formatDuration } from "../../time/duration";
import { formatExact } from "../../time/format";
import { nanoBetween } from "../../time/nano";
import type { Zone } from "../../time/zone";
import type { AttributeExpression } from "../../ui/attribute-expression";
import { printExpression } from "../../ui/attribute-expression";
import { AttributeTable } from "../../ui/attributes";
import { CopyButton } from "../../ui/copy";
import { Icon } from "../../ui/icon";
import { formatCost, formatWhole } from "../../ui/number";
import { ServiceName } from "../../ui/service";
import { TraceLogs } from "./trace-logs";
import type { SpanNode } from "./tree";

interface Props {
  node: SpanNode;
  traceId: string;
  traceStart: string;
  logs: readonly LogRecord[];
  zone: Zone;
  onClose(): void;
}

export function SpanDrawer({ node, traceId, traceStart, logs, zone, onClose }: Props) {
  const { span } = node;
  const root = useRef<HTMLElement>(null);
  useEffect(() => root.current?.scrollTo(0, 0), [span.span_id]);
  const search = (expression: AttributeExpression) =>
    navigate(pageLink("/traces", { attribute: [printExpression(expression)] }));
  const exceptions = span.events.filter(isException);
  const events = span.events.filter((event) => !isException(event));
  return (
    <aside class="drawer" ref={root} aria-label="Span">
      <header class="drawer-head">
        <div>
          <ServiceName name={span.service} />
          <h2>{span.name}</h2>
        </div>
        <button type="button" class="icon-button" aria-label="Close (Escape)" title="Close (Esc)" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      <dl class="facts">
        <Fact name="Duration">{formatDuration(span.duration_nano)}</Fact>
        <Fact name="Starts at">+{formatDuration(node.offsetNano)}</Fact>
        <Fact name="Kind">{span.kind}</Fact>
        <Fact name="Status">
          <span class={`status status-${span.status_code}`}>{span.status_code}</span>
        </Fact>
        <Fact name="Time" wide>
          {formatExact(span.start_unix_nano, zone)}
        </Fact>
        <Fact name="Span id" wide>
          <code>{span.span_id}</code> <CopyButton text={span.span_id} label="Copy span id" />
        </Fact>
        {span.scope.name && (
          <Fact name="Scope" wide>
            {span.scope.name} <span class="muted">{span.scope.version}</span>
          </Fact>
        )}
      </dl>
      {node.isOrphan && (
        <p class="note">
          Its parent <code>{span.parent_span_id}</code> is not here: it was not sent, not sampled, or is still on its
          way.
        </p>
      )}
      {span.status_message && <p class="note note-error">{span.status_message}</p>}
      {exceptions.map((event) => (
        <Exception key={event.time_unix_nano} event={event} />
      ))}
      {span.llm && <ModelCall span={span} traceId={traceId} />}
      <AttributeTable title="Attributes" scope="span" attributes={span.attributes} onFilter={search} />
      {events.length > 0 && (
        <section class="attributes">
          <h3>
            Events <span class="muted">{events.length}</span>
          </h3>
          {events.map((event) => (
            <details key={`${event.time_unix_nano} ${event.name}`} class="span-event">
              <summary>
                <span class="muted">+{formatDuration(nanoBetween(traceStart, event.time_unix_nano))}</span> {event.name}
              </summary>
              <AttributeTable title="Attributes" scope="span" attributes={event.attributes} />
            </details>
          ))}
        </section>
      )}
      {span.links.length > 0 && (
        <section class="attributes">
          <h3>
            Links <span class="muted">{span.links.length}</span>
          </h3>
          {span.links.map((link) => (
            <div key={`${link.trace_id}${link.span_id}`}>
              <a class="span-link" href={pageLink(`/traces/${link.trace_id}`, { span: link.span_id })}>
                <Icon name="link" size={14} /> <code>{link.trace_id}</code>
              </a>
              <AttributeTable title="Of the link" scope="span" attributes={link.attributes} />
            </div>
          ))}
        </section>
      )}
      {logs.length > 0 && (
        <section class="attributes">
          <h3>
            Logs of this span <span class="muted">{logs.length}</span>
          </h3>
          <TraceLogs logs={logs} traceStart={traceStart} />
        </section>
      )}
      <AttributeTable title="Resource" scope="resource" attributes={span.resource} onFilter={search} />
    </aside>
  );
}

function Fact({ name, children, wide = false }: { name: string; children: preact.ComponentChildren; wide?: boolean }) {
  return (
    <div class={wide ? "fact fact-wide" : "fact"}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function isException(event: SpanEvent): boolean {
  return event.name === "exception" || "exception.type" in event.attributes;
}

function Exception({ event }: { event: SpanEvent }) {
  const type = String(event.attributes["exception.type"] ?? "exception");
  const message = String(event.attributes["exception.message"] ?? "");
  const stack = String(event.attributes["exception.stacktrace"] ?? "");
  return (
    <section class="exception">
      <header>
        <strong>{type}</strong>
        {stack && <CopyButton text={stack} label="Copy stack trace" />}
      </header>
      {message && <p>{message}</p>}
      {stack && <pre class="stack">{stack}</pre>}
    </section>
  );
}

function ModelCall({ span, traceId }: { span: Span; traceId: string }) {
  if (!span.llm) return null;
  const { model, provider, cost_usd: cost, input_tokens: input, output_tokens: output } = span.llm;
  return (
    <section class="model-call">
      <div class="model-call-name">
        <strong>{model}</strong> <span class="muted">{provider}</span>
      </div>
      <div class="model-call-figures">
        <span>{formatWhole(input)} in</span>
        <span>{formatWhole(output)} out</span>
        <span class={cost === null ? "tag tag-warn" : ""}>{formatCost(cost)}</span>
      </div>
      <a class="button" href={pageLink(`/llm/${traceId}/${span.span_id}`)}>
        <Icon name="llm" size={14} /> Messages, tokens, feedback
      </a>
    </section>
  );
}
