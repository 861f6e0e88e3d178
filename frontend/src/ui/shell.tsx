/** The frame of every page: navigation, and the page itself. */
import type { ComponentChildren } from "preact";
import { session, signOut } from "../api/session";
import { useLocation } from "../router/location";
import { pageLink } from "../router/query";
import { useStore } from "../store";
import { Icon } from "./icon";
import { isWithin, PAGES } from "./pages";
import { paletteOpen } from "./palette-state";
import { toggleTheme, useTheme } from "./theme";

export function Shell({ children }: { children: ComponentChildren }) {
  const { path, search } = useLocation();
  const theme = useTheme();
  const state = useStore(session);
  const signedIn = state.phase === "known" && state.session.required && state.session.authenticated;
  return (
    <div class="shell">
      <a class="skip-link" href="#main" data-native>
        Skip to content
      </a>
      <nav class="nav" aria-label="Pages">
        <a class="brand" href={pageLink("/", {}, search)} aria-label="Sonde: overview">
          <img src="/favicon.svg" alt="" width="24" height="24" />
          <span class="nav-label">Sonde</span>
        </a>
        <ul class="nav-list">
          {PAGES.map((page) => (
            <li key={page.path}>
              <a
                class="nav-link"
                href={pageLink(page.path, {}, search)}
                aria-current={isWithin(page, path) ? "page" : undefined}
                title={page.label}
              >
                <Icon name={page.icon} size={18} />
                <span class="nav-label">{page.label}</span>
              </a>
            </li>
          ))}
        </ul>
        <div class="nav-foot">
          <button type="button" class="nav-link" title="Command palette (Ctrl K)" onClick={() => paletteOpen.set(true)}>
            <Icon name="command" size={18} />
            <span class="nav-label">
              Go to… <kbd>Ctrl K</kbd>
            </span>
          </button>
          <button
            type="button"
            class="nav-link"
            title={theme === "dark" ? "Light theme" : "Dark theme"}
            onClick={toggleTheme}
          >
            <Icon name={theme === "dark" ? "sun" : "moon"} size={18} />
            <span class="nav-label">{theme === "dark" ? "Light theme" : "Dark theme"}</span>
          </button>
          {signedIn && (
            <button type="button" class="nav-link" title="Sign out" onClick={() => void signOut()}>
              <Icon name="out" size={18} />
              <span class="nav-label">Sign out</span>
            </button>
          )}
        </div>
      </nav>
      <main class="main" id="main" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}
