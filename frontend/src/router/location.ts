/** The address bar as the one home of view state: pages read it, links and filters write it, Back undoes. */
import { createStore, useStore } from "../store";

export interface Location {
  path: string;
  search: string;
}

function read(): Location {
  return { path: window.location.pathname, search: window.location.search };
}

const location = createStore<Location>(read());
let onNewPage = () => {};

export function currentLocation(): Location {
  return location.get();
}

export function useLocation(): Location {
  return useStore(location);
}

export function navigate(target: string, options: { replace?: boolean; keepScroll?: boolean } = {}): void {
  const url = new URL(target, window.location.href);
  if (url.origin !== window.location.origin) {
    window.location.assign(url);
    return;
  }
  if (url.href === window.location.href) return;
  const samePage = url.pathname === window.location.pathname;
  if (options.replace) {
    window.history.replaceState(window.history.state, "", url);
  } else {
    rememberScroll();
    window.history.pushState({}, "", url);
  }
  if (!samePage && !options.replace) onNewPage();
  location.set(read());
  if (!samePage && !options.keepScroll) {
    window.scrollTo(0, 0);
    focusMain();
  }
}

/**
 * Starts listening: Back and Forward, and every plain link of the page.
 *
 * @param newPage called before another page is shown by a link, not by Back
 */
export function startRouter(newPage: () => void): void {
  onNewPage = newPage;
  window.history.scrollRestoration = "manual";
  window.addEventListener("popstate", (event) => {
    location.set(read());
    const scroll = (event.state as { scroll?: number } | null)?.scroll ?? 0;
    // The page has drawn itself from the cache of answers after two frames.
    requestAnimationFrame(() => requestAnimationFrame(() => window.scrollTo(0, scroll)));
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest("a");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== window.location.origin) return;
    if (link.hash || link.dataset.native !== undefined) return;
    event.preventDefault();
    navigate(link.href);
  });
}

function rememberScroll(): void {
  window.history.replaceState({ ...(window.history.state as object | null), scroll: window.scrollY }, "");
}

/** A new page starts for the keyboard where it starts for the eye. */
function focusMain(): void {
  requestAnimationFrame(() => document.getElementById("main")?.focus({ preventScroll: true }));
}
