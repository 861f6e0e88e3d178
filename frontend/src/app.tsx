/** Chooses the page for the address; asks who is there first. */
import { useEffect } from "preact/hooks";
import { unauthorized } from "./api/client";
import { loadSession, session } from "./api/session";
import { AlertPage } from "./pages/alerts/alert-page";
import { AlertsPage } from "./pages/alerts/alerts-page";
import { HistoryPage } from "./pages/alerts/history-page";
import { NotificationsPage } from "./pages/alerts/notifications-page";
import { SilencePage } from "./pages/alerts/silence-page";
import { SilencesPage } from "./pages/alerts/silences-page";
import { AutomationPage } from "./pages/automation/automation-page";
import { LlmCallPage } from "./pages/llm/llm-call-page";
import { LlmPage } from "./pages/llm/llm-page";
import { LoginPage } from "./pages/login/login-page";
import { LogsPage } from "./pages/logs/logs-page";
import { CardinalityPage } from "./pages/metrics/cardinality-page";
import { MetricsPage } from "./pages/metrics/metrics-page";
import { OnCallPage } from "./pages/on-call/on-call-page";
import { OverviewPage } from "./pages/overview/overview-page";
import { RoutesPage } from "./pages/routes/routes-page";
import { RulesPage } from "./pages/rules/rules-page";
import { SloPage } from "./pages/slos/slo-page";
import { SlosPage } from "./pages/slos/slos-page";
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
    case "routes":
      return <RoutesPage />;
    case "on-call":
      return <OnCallPage />;
    case "automation":
      return <AutomationPage />;
    case "rules":
      return <RulesPage />;
    case "slos":
      return <SlosPage />;
    case "slo":
      return <SloPage key={`${route.service}/${route.name}`} service={route.service} name={route.name} />;
    case "llm":
      return <LlmPage />;
    case "llm-call":
      return <LlmCallPage key={`${route.traceId}/${route.spanId}`} traceId={route.traceId} spanId={route.spanId} />;
    case "alerts":
      return <AlertsPage />;
    case "alert":
      return <AlertPage key={route.fingerprint} fingerprint={route.fingerprint} />;
    case "alert-history":
      return <HistoryPage />;
    case "silences":
      return <SilencesPage />;
    case "silence":
      return <SilencePage key={route.id} id={route.id} />;
    case "notifications":
      return <NotificationsPage />;
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
