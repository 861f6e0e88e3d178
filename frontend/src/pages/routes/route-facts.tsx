/** All of one route, in words. */
import type { NamedInterval, RouteNode } from "../../api/rules";
import { groupText, timingText } from "./tree-layout";

interface Props {
  route: RouteNode;
  kinds: string;
}

export function RouteFacts({ route, kinds }: Props) {
  return (
    <dl class="rule-facts route-facts" aria-label="The chosen route">
      <dt>Takes</dt>
      <dd>
        {route.matchers.length === 0
          ? "every alert that comes here"
          : route.matchers.map((matcher) => (
              <code key={matcher} class="tag">
                {matcher}
              </code>
            ))}
        {route.continue && <span class="muted">; its alerts are offered to the next route, too</span>}
      </dd>
      <dt>Tells</dt>
      <dd>
        <b>{route.receiver}</b> <span class="muted">{kinds}</span>
      </dd>
      <dt>Groups</dt>
      <dd>{groupText(route)}</dd>
      <dt>Timing</dt>
      <dd>{timingText(route)}</dd>
      {route.mute_time_intervals.length > 0 && (
        <>
          <dt>Muted in</dt>
          <dd>
            <Intervals intervals={route.mute_time_intervals} />
          </dd>
        </>
      )}
      {route.active_time_intervals.length > 0 && (
        <>
          <dt>Only in</dt>
          <dd>
            <Intervals intervals={route.active_time_intervals} />
          </dd>
        </>
      )}
      <dt>Now</dt>
      <dd>
        {route.firing === 0 ? "no alert of its own" : `${route.firing} firing`}
        {route.muted_by.length > 0 && <span class="tag tag-warn">muted by {route.muted_by.join(", ")}</span>}
      </dd>
    </dl>
  );
}

export function Intervals({ intervals }: { intervals: readonly NamedInterval[] }) {
  return (
    <>
      {intervals.map(({ name, is_active: active }) => (
        <span key={name} class={active ? "tag tag-warn" : "tag"}>
          {name}: {active ? "now" : "not now"}
        </span>
      ))}
    </>
  );
}
