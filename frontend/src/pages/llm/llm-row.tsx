/** One LLM call in the list: a link to it. */
import type { LlmCall } from "../../api/types";
import { pageLink } from "../../router/query";
import { formatDuration } from "../../time/duration";
import { formatDayTime, formatExact, formatTimeOfDay } from "../../time/format";
import type { Zone } from "../../time/zone";
import { colourOf } from "../../ui/colour";
import { Icon } from "../../ui/icon";
import { formatCost, formatCount } from "../../ui/number";
import { ServiceName } from "../../ui/service";

export function LlmRow({ call, zone, withDay }: { call: LlmCall; zone: Zone; withDay: boolean }) {
  const time = call.time_unix_nano;
  return (
    <a
      class={call.success ? "row llm-row" : "row llm-row is-failed"}
      href={pageLink(`/llm/${call.trace_id}/${call.span_id}`)}
    >
      <time class="cell-time" title={formatExact(time, zone)}>
        {withDay ? formatDayTime(time, zone) : formatTimeOfDay(time, zone)}
      </time>
      <span class="cell-model" title={`${call.provider} ${call.model}`}>
        <span class="dot" style={{ background: colourOf(call.model, "model") }} />
        <span>{call.model}</span>
      </span>
      <span class="cell-function">
        <ServiceName name={call.service} />
        {call.function && <span class="muted">{call.function}</span>}
      </span>
      <span class="cell-preview">
        {call.success ? (
          <>
            <span>{call.prompt_preview || <span class="muted">{call.type}</span>}</span>
            {call.completion_preview && <span class="muted">→ {call.completion_preview}</span>}
          </>
        ) : (
          <span class="error-text">
            <Icon name="alert" size={13} /> {call.error_type || "failed"}
            {call.error_message && `: ${call.error_message}`}
          </span>
        )}
      </span>
      <span class="cell-number cell-tokens">
        {formatCount(call.input_tokens)} <span class="muted">→</span> {formatCount(call.output_tokens)}
      </span>
      <span class={call.cost_usd === null ? "cell-number warn-text" : "cell-number"}>{formatCost(call.cost_usd)}</span>
      <span class="cell-number">{formatDuration(call.duration_nano)}</span>
    </a>
  );
}
