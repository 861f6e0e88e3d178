/** Chooses the page for the address; asks who is there first. */
import { useEffect } from "preact/hooks";
import { unauthorized } from "./api/client";
import { loadSession, session } from "./api/session";
import { LlmCallPage } from "./pages/llm/llm-call-page";
import { LlmPage } from "./pages/llm/llm-page";
import { LoginPage } from "./pages/login/login-page";
import { LogsPage } from "./pages/logs/logs-page";
import { CardinalityPage } from "./pages/metrics/cardinality-page";
import { MetricsPage } from "./pages/metrics/metrics-page";
import { OverviewPage } from "./pages/overview/overview-page";
import { TargetsPage } from "./pages/targets/targets-page";
import { TracePage } from "./pages/trace/trace-page";
import { TracesPage } from "./pages/traces/traces-page";
import { useLocation } from "./router/location";
import { pageLink } from "./router/query";
import { matchRoute, type Route } from "./router/routes";
import { useStore } from "./store";
import { refresh, useAutoRefresh } from "./time/clock";
import { Empty } from "./ui/empty";
import { ErrorNotice } from "./ui/error-notice";
import { useKeys } from "./ui/keyboard";
import { PageHead } from "./ui/page-head";
import { Palette } from "./ui/palette";
import { Shell } from "./ui/shell";

export function App() {
  const state = useStore(session);
  const refused = useStore(unauthorized);
  useEffect(() => void loadSession(), []);
  if (state.phase === "unknown") return null;
  if (state.phase === "known" && state.session.required && (!state.session.authenticated || refused)) {
    return <LoginPage />;
  }
  return (
    <Shell>
      {state.phase === "failed" && <ErrorNotice error={state.error} />}
      <Page />
      <Palette />
    </Shell>
  );
}

function Page() {
  const { path } = useLocation();
  useAutoRefresh();
  useKeys({ r: refresh });
  return render(matchRoute(path));
}

function render(route: Route) {
  switch (route.page) {
    case "overview":
      return <OverviewPage />;
    case "traces":
      return <TracesPage />;
    case "trace":
      return <TracePage key={route.traceId} traceId={route.traceId} />;
    case "logs":
      return <LogsPage />;
    case "metrics":
      return <MetricsPage />;
    case "cardinality":
      return <CardinalityPage />;
    case "targets":
      return <TargetsPage />;
    case "llm":
      return <LlmPage />;
    case "llm-call":
      return <LlmCallPage key={`${route.traceId}/${route.spanId}`} traceId={route.traceId} spanId={route.spanId} />;
    case "unknown":
      return (
        <>
          <PageHead title="Not found" timeless />
          <Empty title="There is no page at this address">
            <a class="button" href={pageLink("/")}>
              Go to the overview
            </a>
          </Empty>
        </>
      );
  }
}
