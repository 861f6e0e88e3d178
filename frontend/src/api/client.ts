/** The only file that calls fetch: addresses in, typed answers or an ApiError out. */
import { createStore } from "../store";
import type { ErrorBody } from "./types";

const PREFIX = "/api/v1";

/** How far the server's clock is ahead of this machine's; a laptop that is an hour off still sees "the last hour". */
let clockSkewMillis = 0;

/** Set when any answer was 401: the app shows the login page. */
export const unauthorized = createStore(false);

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint = "",
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export function serverNowSeconds(): number {
  return (Date.now() + clockSkewMillis) / 1000;
}

export type QueryValue = string | number | boolean | null | undefined | readonly string[];

/** An address below /api/v1, or below a dialect's prefix; absent and empty values are left out, lists are repeated. */
export function address(path: string, query: Record<string, QueryValue> = {}, prefix = PREFIX): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === "") continue;
    if (typeof value === "object") for (const item of value) search.append(key, item);
    else search.set(key, String(value));
  }
  const text = search.toString();
  return `${prefix}${path}${text ? `?${text}` : ""}`;
}

export async function get<T>(url: string, signal?: AbortSignal): Promise<T> {
  return request<T>(url, { method: "GET", signal: signal ?? null });
}

export async function send<T>(method: "POST" | "DELETE", url: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "Content-Type": "application/json" };
  }
  return request<T>(url, init);
}

async function request<T>(url: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url, { ...init, credentials: "same-origin" });
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError(
      0,
      "ui.unreachable",
      "Sonde does not answer.",
      "Is `sonde serve` still running? Refresh to try again.",
    );
  }
  learnClockSkew(response.headers.get("Date"));
  if (response.status === 401 && !url.startsWith(`${PREFIX}/session`)) unauthorized.set(true);
  if (!response.ok) throw await toApiError(response);
  try {
    const text = await response.text();
    return (text === "" ? undefined : JSON.parse(text)) as T; // some answers are an empty 200
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new ApiError(response.status, "ui.not_json", "The answer was not JSON.", "Is a proxy between you and Sonde?");
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

async function toApiError(response: Response): Promise<ApiError> {
  const fallback = `${response.status} ${response.statusText}`.trim();
  try {
    const body = (await response.json()) as
      | string
      | { error?: ErrorBody | string; errorType?: string; message?: string };
    if (typeof body === "string") return new ApiError(response.status, "", body); // as Alertmanager says it
    const { error, errorType, message } = body;
    if (message !== undefined) return new ApiError(response.status, "", message); // as Alertmanager says it of a form
    if (typeof error === "string") return new ApiError(response.status, errorType ?? "", error); // as Prometheus says it
    if (error) return new ApiError(response.status, error.code, error.message, error.hint ?? "");
  } catch (error) {
    if (isAbort(error)) throw error;
  }
  return new ApiError(response.status, "ui.http_status", `The server answered ${fallback}.`);
}

function learnClockSkew(date: string | null): void {
  if (date === null) return;
  const difference = Date.parse(date) - Date.now();
  // Date has a resolution of one second and travelled here: what is smaller is not skew.
  clockSkewMillis = Math.abs(difference) > 5000 ? difference : 0;
}
