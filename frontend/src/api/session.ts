/** Who is signed in, as the server sees it. */

import { createStore } from "../store";
import { address, get, send, unauthorized } from "./client";
import type { Session } from "./types";

export type SessionState =
  | { phase: "unknown" }
  | { phase: "known"; session: Session }
  | { phase: "failed"; error: Error };

export const session = createStore<SessionState>({ phase: "unknown" });

export async function loadSession(): Promise<void> {
  try {
    const answer = await get<Session>(address("/session"));
    unauthorized.set(false);
    session.set({ phase: "known", session: answer });
  } catch (error) {
    session.set({ phase: "failed", error: error as Error });
  }
}

export async function signIn(key: string): Promise<void> {
  await send("POST", address("/session"), { key });
  await loadSession();
}

export async function signOut(): Promise<void> {
  await send("DELETE", address("/session"));
  await loadSession();
}
