/** The head of a page: where we are, and the time that everything on it stands for. */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { TimeControls } from "./time-controls";

interface Props {
  title: string;
  /** Shown instead of the plain title: a breadcrumb. */
  heading?: ComponentChildren;
  /** Pages about one thing have no time range. */
  timeless?: boolean;
  /** A page without a time range that changes all the same: it can be refreshed by itself. */
  live?: boolean;
  children?: ComponentChildren;
}

export function PageHead({ title, heading, timeless = false, live = !timeless, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Sonde`;
  }, [title]);
  return (
    <header class="page-head">
      {heading ?? <h1>{title}</h1>}
      {children}
      <div class="page-head-controls">
        <TimeControls timeless={timeless} live={live} />
      </div>
    </header>
  );
}
