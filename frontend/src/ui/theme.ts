/** Dark or light: the system's preference, unless this person chose. `public/theme.js` applies the choice before the first paint. */
import { createStore, useStore } from "../store";

export type Theme = "dark" | "light";

const STORED = "sonde.theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");

function read(): Theme {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "dark" || chosen === "light") return chosen;
  return system.matches ? "dark" : "light";
}

const theme = createStore<Theme>(read());
system.addEventListener("change", () => theme.set(read()));

export function currentTheme(): Theme {
  return theme.get();
}

export function useTheme(): Theme {
  return useStore(theme);
}

export function toggleTheme(): void {
  const next: Theme = theme.get() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(STORED, next);
  } catch {
    // Storage is blocked: the choice holds for this visit.
  }
  theme.set(next);
}
