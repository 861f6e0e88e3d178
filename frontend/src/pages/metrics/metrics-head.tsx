/** The head of the pages about metrics, which leads from one to the other. */
import type { ComponentChildren } from "preact";
import { useLocation } from "../../router/location";
import { pageLink } from "../../router/query";
import { PageHead } from "../../ui/page-head";
import { METRIC_PAGES } from "../../ui/pages";

interface Props {
  title: string;
  timeless?: boolean;
  children?: ComponentChildren;
}

export function MetricsHead({ title, timeless = false, children }: Props) {
  const { path, search } = useLocation();
  const heading = (
    <>
      <h1>Metrics</h1>
      <nav class="page-links" aria-label="Pages about metrics">
        {METRIC_PAGES.map(({ path: target, short }) => (
          <a key={target} href={pageLink(target, {}, search)} aria-current={path === target ? "page" : undefined}>
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
