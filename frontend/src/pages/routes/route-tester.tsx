/** "Where would this go?": labels in, typed or of an alert that fires; who is told, and what holds it back. */
import { useMemo } from "preact/hooks";
import { alertmanagerAddress, type ManagedAlert } from "../../api/alerting";
import { useResource } from "../../api/resource";
import type { RouteTest, TakenRoute } from "../../api/rules";
import { pageLink, setQuery } from "../../router/query";
import { formatClock, formatDate } from "../../time/format";
import { useZone } from "../../time/zone";
import { ErrorNotice } from "../../ui/error-notice";
import { plural } from "../../ui/number";
import { Panel } from "../../ui/panel";
import { TextFilter } from "../../ui/text-filter";
import { LabelChips } from "../alerts/labels";
import { alertLink } from "../alerts/links";
import { kindsText } from "./kind";
import { parseLabels, printLabels } from "./label-text";
import type { Tested } from "./routes-page";
import { timingText } from "./tree-layout";

interface Props {
  text: string;
  tested: Tested;
  version: string;
}

/** Alerts that are offered; who has more knows what to type. */
const OFFERED = 200;

export function RouteTester({ text, tested, version }: Props) {
  const firing = useResource<ManagedAlert[]>(alertmanagerAddress("/alerts"), version);
  const offered = useMemo(
    () => [...new Set((firing.data ?? []).slice(0, OFFERED).map(({ labels }) => printLabels(labels)))].sort(),
    [firing.data],
  );
  const choose = (labels: string) => setQuery({ labels }, { replace: true });
  return (
    <Panel title="Where would this go?" class="route-tester">
      <div class="tester-fields">
        <TextFilter
          label="Labels of an alert: name=value, with commas between"
          placeholder="alertname=HighLatency, severity=critical"
          value={text}
          onCommit={choose}
          pauseMillis={500}
          problem={(value) => parseLabels(value).problem}
          class="tester-input"
        />
        <select
          class="select"
          aria-label="Labels of an alert that fires"
          value={offered.includes(text) ? text : ""}
          disabled={offered.length === 0}
          onChange={(event) => event.currentTarget.value && choose(event.currentTarget.value)}
        >
          <option value="">{offered.length === 0 ? "No alert fires" : "An alert that fires…"}</option>
          {offered.map((labels) => (
            <option key={labels} value={labels}>
              {labels}
            </option>
          ))}
        </select>
        {text !== "" && (
          <button
            type="button"
            class="button button-quiet"
            onClick={() => setQuery({ labels: null }, { replace: true })}
          >
            Clear
          </button>
        )}
      </div>
      {tested.problem && <p class="note note-error">{tested.problem}</p>}
      {tested.error && (
        <div class="padded">
          <ErrorNotice error={tested.error} />
        </div>
      )}
      {tested.test && <Outcome test={tested.test} />}
    </Panel>
  );
}

function Outcome({ test }: { test: RouteTest }) {
  const zone = useZone();
  const held = test.silenced_by.length > 0 || test.inhibited_by.length > 0 || test.in_cooldown;
  const muted = test.routes.filter(({ muted_by: by }) => by.length > 0).length;
  return (
    <div class="tester-outcome" role="status">
      <p class={held || muted === test.routes.length ? "tester-verdict is-held" : "tester-verdict"}>
        {verdict(test, held, muted)}
      </p>
      {test.silenced_by.map(({ id, comment, created_by: by, ends_at: ends }) => {
        const until = Date.parse(ends) / 1000;
        return (
          <p key={id}>
            <span class="tag tag-warn">silenced</span> until {formatDate(until, zone)}{" "}
            {formatClock(until, zone).slice(0, 5)} by {by || "somebody"}
            {comment && `: ${comment}`} <a href={pageLink(`/alerts/silences/${id}`)}>Open the silence</a>
          </p>
        );
      })}
      {test.inhibited_by.map(({ fingerprint, labels }) => (
        <p key={fingerprint}>
          <span class="tag tag-warn">inhibited</span> because this fires:{" "}
          <a href={alertLink(labels, fingerprint)}>{labels.alertname ?? fingerprint}</a> <LabelChips labels={labels} />
        </p>
      ))}
      {test.acknowledged_by && (
        <p>
          <span class="tag">acknowledged</span> by {test.acknowledged_by}: it is not repeated, and not escalated
        </p>
      )}
      {test.in_cooldown && (
        <p>
          <span class="tag tag-warn">cooldown</span> it ended so lately that it is not told again yet
        </p>
      )}
      <ol class="tester-routes">
        {test.routes.map((route) => (
          <Taken key={route.id} route={route} />
        ))}
      </ol>
      <p class="muted">
        {test.escalation ? (
          <>
            Not acknowledged, it is escalated by the policy{" "}
            <a href={pageLink("/alerts/on-call", { policy: test.escalation })}>{test.escalation}</a>.
          </>
        ) : (
          "No escalation policy is for it."
        )}
      </p>
    </div>
  );
}

function verdict(test: RouteTest, held: boolean, muted: number): string {
  const told = [...new Set(test.routes.map(({ receiver }) => receiver))].join(", then ");
  if (held) {
    const why = [
      test.silenced_by.length > 0 ? "silenced" : "",
      test.inhibited_by.length > 0 ? "inhibited" : "",
      test.in_cooldown ? "in its cooldown" : "",
    ].filter(Boolean);
    return `It would not be told now: it is ${why.join(" and ")}. Otherwise it goes to ${told}.`;
  }
  if (muted === test.routes.length) {
    return `It would not be told now: every route that takes it is muted. It belongs to ${told}.`;
  }
  return `It goes to ${told}.`;
}

function Taken({ route }: { route: TakenRoute }) {
  return (
    <li class="tester-route">
      <p>
        <b>{route.receiver}</b> <span class="muted">{kindsText(route.kinds)}</span>
        {route.muted_by.length > 0 && <span class="tag tag-warn">muted now by {route.muted_by.join(", ")}</span>}
        <button type="button" class="link-button" onClick={() => setQuery({ route: route.id }, { replace: true })}>
          Show the route
        </button>
      </p>
      <p class="muted">{route.path_text}</p>
      <p class="tester-group">
        <span class="muted">Group</span> <code>{route.group_key}</code>{" "}
        <span class="muted">
          {route.group_alerts > 0 ? `with ${plural(route.group_alerts, "alert")} already; ` : "a new one; "}
          {timingText(route)}
        </span>
      </p>
    </li>
  );
}
