/** One objective: how its budget has burnt, how fast it burns now, and what was agreed for when it is gone. */
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import { useResource } from "../../api/resource";
import { type BurnDown, type SloDetail, sloAddress } from "../../api/rules";
import { TimeChart } from "../../charts/time-chart";
import { pageLink, setQuery, useQuery } from "../../router/query";
import { useTime } from "../../time/clock";
import { cssColour } from "../../ui/colour";
import { Empty } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { Icon } from "../../ui/icon";
import { formatCount, formatShare } from "../../ui/number";
import { Panel } from "../../ui/panel";
import { Segmented } from "../../ui/segmented";
import { Skeleton } from "../../ui/skeleton";
import { useTheme } from "../../ui/theme";
import { Tile } from "../../ui/tile";
import { AlertsHead } from "../alerts/alerts-head";
import { Alarms } from "./alarms";
import { BudgetBar } from "./budget-bar";
import { alarms, budgetText, burnText, exhaustedText, goodText, NO_DATA, targetText, windowText } from "./figure";

interface Props {
  service: string;
  name: string;
}

export function SloPage({ service, name }: Props) {
  const query = useQuery();
  const { version } = useTime();
  const days = query.get("days") ?? "";
  const told = useResource<SloDetail>(sloAddress(service, name, days), version);
  const title = `${service} ${name}`;
  if (told.error) {
    return (
      <Frame title={title}>
        <ErrorNotice error={told.error} />
      </Frame>
    );
  }
  const slo = told.data;
  if (!slo) {
    return (
      <Frame title={title}>
        <Skeleton rows={10} height={36} />
      </Frame>
    );
  }
  return (
    <Frame title={title}>
      <p class="crumbs slo-crumbs">
        <a href={pageLink("/slos")}>Objectives</a>
        <Icon name="chevronRight" size={14} />
        <span class="crumb-here">
          {service} <b>{name}</b>
        </span>
        {alarms(slo).length > 0 && <Alarms slo={slo} />}
      </p>
      {slo.description && <p class="muted slo-lead">{slo.description}</p>}
      <div class="tiles">
        <Tile label="Promised" value={targetText(slo.objective)} note={`good events in ${windowText(slo.window)}`} />
        <Tile
          label="Kept"
          value={goodText(slo.good)}
          tone={slo.good !== null && slo.good < slo.objective ? "bad" : "plain"}
          note={slo.events === null ? "nothing was recorded" : `of ${formatCount(slo.events)} events so far`}
        />
        <Tile label="Now" value={goodText(slo.good_now)} note="of the last five minutes" />
        <Tile
          label="Budget left"
          value={budgetText(slo.budget_left)}
          tone={
            slo.budget_left === null
              ? "plain"
              : slo.budget_left <= 0
                ? "bad"
                : slo.budget_left < 0.25
                  ? "warn"
                  : "plain"
          }
          note={errorsText(slo)}
        />
        <Tile
          label="Burns"
          value={burnText(slo.burn_now)}
          tone={(slo.burn_now ?? 0) > 1 ? "warn" : "plain"}
          note={exhaustedText(slo.exhausted_in_seconds) || "over the last hour"}
        />
      </div>
      <Panel
        title="Error budget"
        class={told.loading ? "is-stale" : ""}
        aside={
          <Segmented
            label="Time shown"
            options={spans(slo)}
            chosen={days}
            onChoose={(value) => setQuery({ days: value }, { replace: true })}
          />
        }
      >
        <div class="padded">
          <BudgetBar left={slo.budget_left} name={title} />
        </div>
        <BurnDownChart slo={slo} found={slo.burn_down} />
      </Panel>
      <div class="slo-columns">
        <BurnRates slo={slo} />
        <Policy slo={slo} />
      </div>
      <Panel title="What is counted">
        <dl class="rule-facts">
          <Expression term="Bad events a second" expr={slo.indicator.errors} />
          <Expression term="All events a second" expr={slo.indicator.events} />
        </dl>
      </Panel>
    </Frame>
  );
}

function errorsText({ errors, errors_left: left }: SloDetail): string {
  if (left === null || errors === null) return "nothing was recorded";
  return left >= 0
    ? `${formatCount(Math.floor(left))} more may fail`
    : `${formatCount(Math.ceil(-left))} too many have failed`;
}

function spans({ window }: SloDetail): { value: string; label: string }[] {
  const whole = window.calendar ? `This ${window.calendar}` : `${window.days} d`;
  const shorter = [
    { value: "0.25", label: "6 h" },
    { value: "1", label: "24 h" },
    { value: "7", label: "7 d" },
  ].filter(({ value }) => Number(value) < window.days);
  return [...shorter, { value: "", label: whole }];
}

function BurnDownChart({ slo, found }: { slo: SloDetail; found: BurnDown }) {
  const theme = useTheme();
  const { times, budget_left: left, error_ratio: ratio, step_seconds: step } = found;
  const shown = { startSeconds: times[0] ?? 0, endSeconds: times[times.length - 1] ?? 1 };
  const budget = useMemo(
    () => [
      { name: "Budget left", values: left, colour: cssColour("--accent") },
      { name: "Used up", values: times.map(() => 0), colour: cssColour("--error"), dashed: true },
    ],
    [left, times, theme],
  );
  const errors = useMemo(
    () => [
      { name: "Bad events", values: ratio, colour: cssColour("--error") },
      { name: "Allowed", values: times.map(() => 1 - slo.objective), colour: cssColour("--text-faint"), dashed: true },
    ],
    [ratio, times, slo.objective, theme],
  );
  if (left.every((value) => value === null) && ratio.every((value) => value === null)) {
    return (
      <Empty title="No data">
        <p>The rules of this objective have recorded nothing in this time: no events came, or the rules do not run.</p>
        <p>
          <a class="button" href={pageLink("/rules", { search: slo.name })}>
            See its rules
          </a>
        </p>
      </Empty>
    );
  }
  return (
    <>
      <TimeChart
        label={`Error budget of ${slo.service} ${slo.name} over time`}
        times={times}
        series={budget}
        window={shown}
        kind="lines"
        height={220}
        format={(value) => budgetText(value)}
      />
      <h3 class="chart-title">Share of bad events</h3>
      <TimeChart
        label={`Share of bad events of ${slo.service} ${slo.name} over time`}
        times={times}
        series={errors}
        window={shown}
        stepSeconds={step}
        kind="lines"
        height={140}
        format={formatShare}
      />
    </>
  );
}

function BurnRates({ slo }: { slo: SloDetail }) {
  return (
    <Panel title="Burn rates">
      <div class="table-scroll">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Tells when</th>
              <th scope="col" class="cell-number">
                Long window
              </th>
              <th scope="col" class="cell-number">
                Short window
              </th>
              <th scope="col">Now</th>
            </tr>
          </thead>
          <tbody>
            {slo.burn_rates.map((burn) => (
              <tr key={`${burn.severity} ${burn.long_window} ${burn.factor} ${burn.name}`}>
                <td>
                  over {burn.factor}× <span class="tag">{burn.severity}</span>
                </td>
                <td class="cell-number">
                  <Burn value={burn.long} window={burn.long_window} limit={burn.factor} />
                </td>
                <td class="cell-number">
                  {burn.short_window === null ? (
                    <span class="muted">none</span>
                  ) : (
                    <Burn value={burn.short} window={burn.short_window} limit={burn.factor} />
                  )}
                </td>
                <td>
                  <span class={`state state-${burn.state}`}>
                    {burn.state === "unknown" ? "not evaluated" : burn.state}
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="padded muted">Both windows must burn so fast. At 1× the budget lasts exactly as long as the window.</p>
    </Panel>
  );
}

function Burn({ value, window, limit }: { value: number | null; window: string; limit: number }) {
  return (
    <>
      <span class={value === null ? "muted" : value > limit ? "tone-bad" : ""}>{burnText(value)}</span>{" "}
      <span class="muted">{window}</span>
    </>
  );
}

function Policy({ slo }: { slo: SloDetail }) {
  const left = slo.budget_left;
  return (
    <Panel title="Budget policy">
      {slo.policies.length === 0 ? (
        <p class="padded muted">
          Nothing is agreed. Say under <code>budget_policy</code> what is done when little is left.
        </p>
      ) : (
        <ul class="policies">
          {[...slo.policies]
            .sort((a, b) => b.below - a.below)
            .map(({ below, action, severity }) => (
              <li key={`${below} ${action}`}>
                <span class={left !== null && left < below ? "state state-firing" : "state"}>
                  {left === null ? NO_DATA : left < below ? "holds now" : "not yet"}
                </span>
                <span>
                  Less than {targetText(below)} left: <b>{action}</b> <span class="muted">{severity}</span>
                </span>
              </li>
            ))}
        </ul>
      )}
    </Panel>
  );
}

function Expression({ term, expr }: { term: string; expr: string }) {
  return (
    <>
      <dt>{term}</dt>
      <dd>
        <a href={pageLink("/metrics-explorer", { expr })}>
          <code>{expr}</code>
        </a>
      </dd>
    </>
  );
}

function Frame({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <>
      <AlertsHead title={title} timeless />
      {children}
    </>
  );
}
