/** Who silences: whoever is signed in; where nobody has to sign in, the name that this browser was given last. */
import { session } from "../../api/session";
import { useStore } from "../../store";

const STORED = "sonde.author";

/** "" where nobody signed in under a name. */
export function useSignedIn(): string {
  const state = useStore(session);
  return state.phase === "known" && state.session.required ? (state.session.name ?? "") : "";
}

export function rememberedAuthor(): string {
  try {
    return localStorage.getItem(STORED) ?? "";
  } catch {
    return "";
  }
}

export function rememberAuthor(name: string): void {
  try {
    localStorage.setItem(STORED, name);
  } catch {
    // Storage is blocked: the name has to be typed again.
  }
}
