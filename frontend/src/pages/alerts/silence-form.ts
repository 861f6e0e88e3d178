/** What a silence's form holds, read from the page's address and written to it, and what is still wrong with it. */
import type { PostedSilence, Silence } from "../../api/alerting";
import { parseDuration } from "../../time/duration";
import { parseTime } from "../../time/range";
import {
  fromSilenceMatcher,
  type Matcher,
  problemOf,
  readMatchers,
  silencesEverything,
  toSilenceMatcher,
} from "./matcher";

export const DURATIONS: readonly { value: string; label: string }[] = [
  { value: "1h", label: "1 hour" },
  { value: "4h", label: "4 hours" },
  { value: "1d", label: "1 day" },
  { value: "1w", label: "1 week" },
];

export interface SilenceDraft {
  /** "" for a new one. */
  id: string;
  matchers: Matcher[];
  /** One of DURATIONS, or anything that is a duration, or the time of its end. */
  duration: string;
  /** Absent starts now; otherwise RFC 3339, or what people write for it. */
  start: string;
  author: string;
  comment: string;
}

/** Seconds; null where the text is neither a duration nor a time to come. */
export function endOf(duration: string, startSeconds: number): number | null {
  const weeks = duration.trim().replace(/(\d+(?:\.\d+)?)w/g, (_, amount: string) => `${Number(amount) * 7}d`);
  const nano = parseDuration(weeks);
  if (nano !== null) return nano > 0 ? startSeconds + nano / 1e9 : null;
  const end = parseTime(duration, startSeconds);
  return end !== null && end > startSeconds ? end : null;
}

export function startOf(start: string, nowSeconds: number): number | null {
  return start.trim() === "" ? nowSeconds : parseTime(start, nowSeconds);
}

export function readDraft(query: URLSearchParams): Pick<SilenceDraft, "matchers" | "duration" | "start" | "comment"> {
  return {
    matchers: readMatchers(query.getAll("matcher")),
    duration: query.get("duration") ?? "1h",
    start: query.get("from") ?? "",
    comment: query.get("comment") ?? "",
  };
}

export function draftOf(silence: Silence): SilenceDraft {
  return {
    id: silence.id,
    matchers: silence.matchers.map(fromSilenceMatcher),
    duration: silence.endsAt,
    start: silence.startsAt,
    author: silence.createdBy,
    comment: silence.comment,
  };
}

/** By field; nothing when it can be sent. */
export type Problems = Partial<Record<"matchers" | "duration" | "start" | "author" | "comment", string>>;

export function problemsOf(draft: SilenceDraft, nowSeconds: number): Problems {
  const problems: Problems = {};
  const wrong = draft.matchers.map(problemOf).find((problem) => problem !== "");
  if (draft.matchers.length === 0) problems.matchers = "Say which alerts: add a label.";
  else if (wrong) problems.matchers = wrong;
  else if (silencesEverything(draft.matchers)) problems.matchers = "One label at least has to have a value.";
  const start = startOf(draft.start, nowSeconds);
  if (start === null) problems.start = "Write a time such as 2026-08-01 18:00, or leave it empty for now.";
  else {
    const end = endOf(draft.duration, start);
    if (end === null) problems.duration = "Write a duration such as 90m, or a time after the start.";
    else if (end <= nowSeconds) problems.duration = "This is over already.";
  }
  if (draft.author.trim() === "") problems.author = "Say who you are.";
  if (draft.comment.trim() === "") problems.comment = "Say why; others will wonder.";
  return problems;
}

/** For a draft without problems. */
export function toPosted(draft: SilenceDraft, nowSeconds: number): PostedSilence {
  const start = startOf(draft.start, nowSeconds) ?? nowSeconds;
  return {
    ...(draft.id ? { id: draft.id } : {}),
    matchers: draft.matchers.map(toSilenceMatcher),
    startsAt: new Date(start * 1000).toISOString(),
    endsAt: new Date((endOf(draft.duration, start) ?? start) * 1000).toISOString(),
    createdBy: draft.author.trim(),
    comment: draft.comment.trim(),
  };
}

/** The same silence, longer by so many seconds. */
export function extended(silence: Silence, seconds: number): PostedSilence {
  const { id, matchers, startsAt, endsAt, createdBy, comment } = silence;
  const end = new Date(Date.parse(endsAt) + seconds * 1000).toISOString();
  return { id, matchers, startsAt, endsAt: end, createdBy, comment };
}

/** How much of its time is over, 0 to 1. */
export function progressOf({ startsAt, endsAt }: Silence, nowSeconds: number): number {
  const [start, end] = [Date.parse(startsAt) / 1000, Date.parse(endsAt) / 1000];
  return end > start ? Math.min(1, Math.max(0, (nowSeconds - start) / (end - start))) : 1;
}
