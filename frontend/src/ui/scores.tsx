/** Scores of a trace or call: feedback by people and evaluations, and a form to add one. */
import { useState } from "preact/hooks";
import { address, send } from "../api/client";
import type { Score } from "../api/types";
import { formatExact } from "../time/format";
import { useZone } from "../time/zone";
import { Icon } from "./icon";

interface Props {
  scores: readonly Score[];
  traceId: string;
  spanId?: string;
}

/** The scores that are stored, and those given just now: the store answers with them about a second later. */
export function Feedback({ scores, traceId, spanId }: Props) {
  const [given, setGiven] = useState<Score[]>([]);
  const known = new Set(scores.map(({ score_id }) => score_id));
  return (
    <>
      <ScoreList scores={[...given.filter(({ score_id }) => !known.has(score_id)), ...scores]} />
      <FeedbackForm traceId={traceId} spanId={spanId} onStored={(score) => setGiven((old) => [score, ...old])} />
    </>
  );
}

function given(scoreId: string, rating: number, comment: string): Score {
  return {
    score_id: scoreId,
    time_unix_nano: `${Date.now()}000000`,
    name: "user_feedback",
    data_type: "numeric",
    value: rating,
    string_value: "",
    user_id: "",
    comment,
    source: "api",
  };
}

function ScoreList({ scores }: { scores: readonly Score[] }) {
  const zone = useZone();
  if (scores.length === 0) return <p class="muted">Nobody has rated this yet.</p>;
  return (
    <ul class="scores">
      {scores.map((score) => (
        <li key={score.score_id} class="score">
          <span class={`score-value score-${tone(score)}`}>
            <ScoreValue score={score} />
          </span>
          <div>
            <strong>{score.name}</strong>{" "}
            <span class="muted">
              {score.source}
              {score.user_id && ` by ${score.user_id}`}
            </span>
            {score.comment && <p>{score.comment}</p>}{" "}
            <time class="muted">{formatExact(score.time_unix_nano, zone).slice(0, 19)}</time>
          </div>
        </li>
      ))}
    </ul>
  );
}

function ScoreValue({ score }: { score: Score }) {
  if (score.string_value && score.value === null) return <>{score.string_value}</>;
  if (score.name === "user_feedback" && (score.value === 1 || score.value === -1 || score.value === 0)) {
    return <Icon name={score.value > 0 ? "thumbUp" : "thumbDown"} />;
  }
  if (score.data_type === "boolean") return <>{score.value ? "yes" : "no"}</>;
  return <>{score.value === null ? "–" : Number(score.value.toFixed(3))}</>;
}

function tone({ value, data_type: type }: Score): "good" | "bad" | "plain" {
  if (value === null || type === "categorical") return "plain";
  if (value <= 0) return "bad";
  return value >= 0.5 ? "good" : "plain";
}

interface FormProps {
  traceId: string;
  spanId?: string | undefined;
  onStored(score: Score): void;
}

function FeedbackForm({ traceId, spanId, onStored }: FormProps) {
  const [comment, setComment] = useState("");
  const [state, setState] = useState<"ready" | "busy" | "done" | Error>("ready");
  const rate = async (rating: number) => {
    setState("busy");
    try {
      const body = { trace_id: traceId, span_id: spanId, name: "user_feedback", rating, comment: comment.trim() };
      const { score_id } = await send<{ score_id: string }>("POST", address("/feedback"), body);
      onStored(given(score_id, rating, body.comment));
      setState("done");
      setComment("");
    } catch (error) {
      setState(error as Error);
    }
  };
  return (
    <form class="feedback-form" aria-label="Your feedback" onSubmit={(event) => event.preventDefault()}>
      <textarea
        class="input"
        rows={2}
        aria-label="Comment"
        placeholder="A comment, if you like"
        value={comment}
        onInput={(event) => {
          setComment(event.currentTarget.value);
          setState("ready");
        }}
      />
      <div class="feedback-buttons">
        <button
          type="button"
          class="button"
          disabled={state === "busy"}
          aria-label="Thumbs up"
          onClick={() => void rate(1)}
        >
          <Icon name="thumbUp" /> Good
        </button>
        <button
          type="button"
          class="button"
          disabled={state === "busy"}
          aria-label="Thumbs down"
          onClick={() => void rate(-1)}
        >
          <Icon name="thumbDown" /> Bad
        </button>
        <span role="status" class={state instanceof Error ? "error-text" : "muted"}>
          {state === "done" && "Thank you, it is stored."}
          {state instanceof Error && state.message}
        </span>
      </div>
    </form>
  );
}
