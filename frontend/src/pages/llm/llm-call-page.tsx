/** One LLM call: the conversation, what it cost and why, where it happened, and what people thought of it. */
import { ApiError, address } from "../../api/client";
import { useResource } from "../../api/resource";
import type { LlmCallDetail } from "../../api/types";
import { pageLink } from "../../router/query";
import { useTime } from "../../time/clock";
import { formatDuration } from "../../time/duration";
import { formatExact } from "../../time/format";
import { useZone } from "../../time/zone";
import { AttributeTable } from "../../ui/attributes";
import { Empty } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { Icon } from "../../ui/icon";
import { formatCount, formatExactCost, plural } from "../../ui/number";
import { PageHead } from "../../ui/page-head";
import { Panel } from "../../ui/panel";
import { Feedback } from "../../ui/scores";
import { ServiceName } from "../../ui/service";
import { Skeleton } from "../../ui/skeleton";
import { Tile } from "../../ui/tile";
import { Conversation } from "./conversation";
import { TokenTable } from "./token-table";

export function LlmCallPage({ traceId, spanId }: { traceId: string; spanId: string }) {
  const { version } = useTime();
  const { data, error, loading } = useResource<LlmCallDetail>(address(`/llm/calls/${traceId}/${spanId}`), version);
  const isUnknown = error instanceof ApiError && error.status === 404;
  return (
    <>
      <PageHead
        title={data?.call.model ?? "LLM call"}
        timeless
        heading={
          <h1 class="crumbs">
            <a href={pageLink("/llm")}>LLM calls</a>
            <span aria-hidden="true">/</span>
            <span class="crumb-here">{data?.call.model ?? spanId}</span>
            {data && <span class="muted">{data.call.provider}</span>}
          </h1>
        }
      >
        <a class="button" href={pageLink(`/traces/${traceId}`, { span: spanId })}>
          <Icon name="traces" size={14} /> Show in its trace
        </a>
      </PageHead>
      {isUnknown && (
        <Empty title="This call is not here">
          <p>It may still be on its way, or be older than the retention.</p>
          <a class="button" href={pageLink("/llm")}>
            All LLM calls
          </a>
        </Empty>
      )}
      {error && !isUnknown && <ErrorNotice error={error} />}
      {!data && loading && <Skeleton rows={12} />}
      {data && <CallView detail={data} />}
    </>
  );
}

function CallView({ detail }: { detail: LlmCallDetail }) {
  const { call, messages, scores } = detail;
  const isUnpriced = call.cost_usd === null;
  return (
    <>
      <div class="tiles">
        <Tile
          label="Cost"
          value={formatExactCost(call.cost_usd)}
          tone={isUnpriced ? "warn" : "plain"}
          note={isUnpriced ? "no price is known for this model" : call.price_source && `priced by ${call.price_source}`}
        />
        <Tile
          label="Tokens in → out"
          value={
            <>
              {formatCount(call.input_tokens)} <span class="muted">→</span> {formatCount(call.output_tokens)}
            </>
          }
        />
        <Tile
          label="Latency"
          value={formatDuration(call.duration_nano)}
          note={
            call.time_to_first_token_nano === null
              ? call.streamed
                ? "streamed"
                : "not streamed"
              : `first token after ${formatDuration(call.time_to_first_token_nano)}`
          }
        />
        <Tile
          label="Outcome"
          value={call.success ? "succeeded" : "failed"}
          tone={call.success ? "plain" : "bad"}
          note={call.success ? call.finish_reason && `finish reason ${call.finish_reason}` : call.error_type}
        />
      </div>
      {!call.success && call.error_message && <p class="note note-error">{call.error_message}</p>}
      <div class="call-columns">
        <div class="call-main">
          <Panel title="Input" aside={<span class="muted">{plural(messages.input.length, "message")}</span>}>
            <MessagesOrPreview messages={messages.input} preview={call.prompt_preview} label="Input" />
          </Panel>
          <Panel title="Output">
            <MessagesOrPreview messages={messages.output} preview={call.completion_preview} label="Output" />
          </Panel>
        </div>
        <div class="call-side">
          <Panel title="Feedback">
            <div class="padded">
              <Feedback scores={scores} traceId={call.trace_id} spanId={call.span_id} />
            </div>
          </Panel>
          <Panel title="Tokens">
            <TokenTable call={call} />
          </Panel>
          <Panel title="Where and who">
            <CallFacts call={call} />
          </Panel>
          {Object.keys(call.parameters).length > 0 && (
            <Panel title="Parameters">
              <AttributeTable title="Request" scope="span" attributes={call.parameters} />
            </Panel>
          )}
        </div>
      </div>
    </>
  );
}

function MessagesOrPreview({
  messages,
  preview,
  label,
}: {
  messages: LlmCallDetail["messages"]["input"];
  preview: string;
  label: string;
}) {
  if (messages.length > 0) return <Conversation messages={messages} label={label} />;
  if (preview) return <p class="padded message-text">{preview}</p>;
  return <p class="padded muted">The content of this call was not captured.</p>;
}

function CallFacts({ call }: { call: LlmCallDetail["call"] }) {
  const zone = useZone();
  const rows: [string, string, string | null][] = [
    ["Function", call.function, "function"],
    ["User", call.user_id, "user"],
    ["Session", call.session_id, "session"],
    ["Prompt", [call.prompt_name, call.prompt_version].filter(Boolean).join(" · "), null],
    ["Operation", call.operation, null],
    ["Requested model", call.model_requested === call.model ? "" : call.model_requested, null],
    ["Environment", call.environment, null],
    ["Release", call.release, null],
    ["Tags", call.tags.join(", "), null],
  ];
  return (
    <dl class="facts padded">
      <div class="fact fact-wide">
        <dt>Service</dt>
        <dd>
          <a href={pageLink("/llm", { service: call.service })}>
            <ServiceName name={call.service} />
          </a>
        </dd>
      </div>
      <div class="fact fact-wide">
        <dt>Time</dt>
        <dd>{formatExact(call.time_unix_nano, zone)}</dd>
      </div>
      {rows.map(
        ([name, value, filter]) =>
          value && (
            <div key={name} class="fact fact-wide">
              <dt>{name}</dt>
              <dd>{filter ? <a href={pageLink("/llm", { [filter]: value })}>{value}</a> : value}</dd>
            </div>
          ),
      )}
    </dl>
  );
}
