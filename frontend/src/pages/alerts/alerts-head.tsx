/** The head of the pages about alerts, which leads from one to the other. */
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useLocation } from "../../router/location";
import { pageLink } from "../../router/query";
import { PageHead } from "../../ui/page-head";
import { ALERT_PAGES } from "../../ui/pages";

interface Props {
  title: string;
  timeless?: boolean;
  children?: ComponentChildren;
}

export function AlertsHead({ title, timeless = false, children }: Props) {
  const { path, search } = useLocation();
  const isHere = (target: string) => path === target || (target !== "/alerts" && path.startsWith(`${target}/`));
  const links = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    // On a phone the links are wider than the window: the page that is shown is in sight.
    const current = links.current?.querySelector<HTMLElement>("[aria-current=page]");
    if (links.current && current) links.current.scrollLeft = current.offsetLeft - links.current.offsetLeft - 40;
  }, [path]);
  const heading = (
    <>
      <h1>Alerts</h1>
      <nav class="page-links" aria-label="Pages about alerts" ref={links}>
        {ALERT_PAGES.map(({ path: target, short }) => (
          <a key={target} href={pageLink(target, {}, search)} aria-current={isHere(target) ? "page" : undefined}>
            {short}
          </a>
        ))}
      </nav>
    </>
  );
  return (
    <PageHead title={title} heading={heading} timeless={timeless} live>
      {children}
    </PageHead>
  );
}
