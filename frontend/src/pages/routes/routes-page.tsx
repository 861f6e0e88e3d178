/** Where alerts go: the tree of routes with what mutes it, who is told and how that goes, and a way to try it out. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { ApiError } from "../../api/client";
import { useResource } from "../../api/resource";
import { ROUTES, type RouteNode, type RoutesAnswer, type RouteTest, testRoutes } from "../../api/rules";
import { setQuery, useQuery } from "../../router/query";
import { Empty, Snippet } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { Panel } from "../../ui/panel";
import { Skeleton } from "../../ui/skeleton";
import { AlertsHead } from "../alerts/alerts-head";
import { useLive } from "../alerts/live";
import { InhibitionPanel } from "./inhibition-panel";
import { kindsText } from "./kind";
import { parseLabels } from "./label-text";
import { ReceiversPanel } from "./receivers-panel";
import { Intervals, RouteFacts } from "./route-facts";
import { RouteTester } from "./route-tester";
import { RouteTree } from "./route-tree";

const ALERTMANAGER = `# alertmanager.yml
route:
  receiver: team
  group_by: [alertname, service]
receivers:
  - name: team
    slack_configs:
      - {api_url_file: slack-url, channel: "#alerts"}`;

const SONDE_CONFIG = `# sonde.yaml
alertmanager:
  config_file: alertmanager.yml`;

export function RoutesPage() {
  const query = useQuery();
  const { version, nowSeconds } = useLive();
  const text = query.get("labels") ?? "";
  const chosen = query.get("route") ?? "";
  const told = useResource<RoutesAnswer>(ROUTES, version);
  const tested = useTest(text, version);
  const lit = useMemo(() => (tested.test ? new Set(tested.test.routes.flatMap(({ path }) => path)) : null), [tested]);
  const taking = useMemo(() => new Set(tested.test?.routes.map(({ id }) => id)), [tested]);
  if (told.error instanceof ApiError && told.error.status === 404) {
    return (
      <Frame>
        <NotConfigured />
      </Frame>
    );
  }
  if (told.error) {
    return (
      <Frame>
        <ErrorNotice error={told.error} />
      </Frame>
    );
  }
  if (!told.data) {
    return (
      <Frame>
        <Skeleton rows={10} height={36} />
      </Frame>
    );
  }
  const { route, receivers, inhibit_rules: inhibition, time_intervals: intervals } = told.data;
  const shown = find(route, chosen);
  const kinds = receivers.find(({ name }) => name === shown?.receiver)?.kinds ?? [];
  return (
    <Frame>
      <RouteTester text={text} tested={tested} version={version} />
      <Panel
        title="Routes"
        class="route-panel"
        aside={
          intervals.length > 0 && (
            <span class="label-chips">
              <Intervals intervals={intervals} />
            </span>
          )
        }
      >
        <RouteTree
          told={told.data}
          lit={lit}
          taking={taking}
          chosen={chosen}
          onChoose={(id) => setQuery({ route: id === chosen ? null : id }, { replace: true })}
        />
        {shown ? (
          <RouteFacts route={shown} kinds={kindsText(kinds)} />
        ) : (
          <p class="padded muted">
            An alert is offered to the routes of its parent from the top to the bottom, and taken by the first that
            fits. Choose a route to read all of it.
          </p>
        )}
      </Panel>
      <ReceiversPanel version={version} nowSeconds={nowSeconds} />
      <InhibitionPanel rules={inhibition} />
    </Frame>
  );
}

export interface Tested {
  test: RouteTest | null;
  error: Error | null;
  /** What is wrong with the text, or "". */
  problem: string;
}

const NOTHING: Tested = { test: null, error: null, problem: "" };

/** Where an alert of the labels would go; asked again whenever something may have changed. */
function useTest(text: string, version: string): Tested {
  const [tested, setTested] = useState<Tested>(NOTHING);
  useEffect(() => {
    const { labels, problem } = parseLabels(text);
    if (problem !== "" || Object.keys(labels).length === 0) {
      setTested({ ...NOTHING, problem });
      return;
    }
    let isCurrent = true;
    testRoutes(labels).then(
      (test) => isCurrent && setTested({ ...NOTHING, test }),
      (error: Error) => isCurrent && setTested({ ...NOTHING, error }),
    );
    return () => {
      isCurrent = false;
    };
  }, [text, version]);
  return tested;
}

function find(route: RouteNode, id: string): RouteNode | null {
  if (id === "") return null;
  if (route.id === id) return route;
  for (const child of route.routes) {
    const found = find(child, id);
    if (found) return found;
  }
  return null;
}

function Frame({ children }: { children: ComponentChildren }) {
  return (
    <>
      <AlertsHead title="Alert routes" timeless />
      {children}
    </>
  );
}

function NotConfigured() {
  return (
    <Empty title="Nobody is told of alerts yet">
      <p>Sonde reads Alertmanager's configuration as it is. Write one, or take the one that you have, and name it.</p>
      <div class="send-data">
        <Snippet label="Who is told of what" text={ALERTMANAGER} />
        <Snippet label="Where Sonde finds it" text={SONDE_CONFIG} />
      </div>
    </Empty>
  );
}
