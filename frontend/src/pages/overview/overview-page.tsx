/** The first page: are the services well, what do the models cost, what broke last, is Sonde itself well. */
import { address } from "../../api/client";
import { useResource } from "../../api/resource";
import type { Overview, Status } from "../../api/types";
import { pageLink } from "../../router/query";
import { useTime } from "../../time/clock";
import { QueryCost } from "../../ui/cost";
import { Empty, SendData } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { formatCost, formatCount, formatRate, formatShare, plural } from "../../ui/number";
import { PageHead } from "../../ui/page-head";
import { Panel } from "../../ui/panel";
import { Skeleton } from "../../ui/skeleton";
import { Tile } from "../../ui/tile";
import { FiringLine } from "../alerts/firing-line";
import { ErrorList } from "./error-list";
import { HealthPanel, StatusMessages } from "./health-panel";
import { ServiceTable } from "./service-table";
import { SpendPanel } from "./spend-panel";

export function OverviewPage() {
  const time = useTime();
  const { startSeconds: start, endSeconds: end } = time.window;
  const overview = useResource<Overview>(address("/overview", { start, end }), time.version);
  const status = useResource<Status>(address("/status"), `${time.version} ${time.nowSeconds}`);
  const { data, error, loading } = overview;
  const isEmpty = data !== null && data.services.length === 0 && data.llm.window.calls === 0;
  return (
    <>
      <PageHead title="Overview" />
      {status.data && <StatusMessages messages={status.data.messages} />}
      <FiringLine version={`${time.version} ${time.nowSeconds}`} />
      {error && <ErrorNotice error={error} />}
      {!data && loading && <Skeleton rows={12} height={36} />}
      {isEmpty && (
        <Empty title="Nothing has arrived in this time range">
          <p>Sonde is running and listens. Send something, and it shows here within seconds:</p>
          <SendData />
        </Empty>
      )}
      {data && !isEmpty && (
        <div class={loading ? "is-stale" : ""}>
          <OverviewTiles overview={data} />
          <div class="overview-columns">
            <div>
              <Panel title="Services" aside={<QueryCost stats={data.stats} loading={loading} />}>
                <ServiceTable services={data.services} nowSeconds={time.nowSeconds} />
              </Panel>
              {status.data && <HealthPanel status={status.data} />}
            </div>
            <div>
              <SpendPanel
                llm={data.llm}
                window={time.window}
                stepSeconds={data.window.step_seconds}
                onZoom={time.zoom}
              />
              <Panel
                title="Newest errors"
                aside={<a href={pageLink("/traces", { status: "error" })}>All traces with errors</a>}
              >
                <ErrorList errors={data.errors} nowSeconds={time.nowSeconds} />
              </Panel>
            </div>
          </div>
        </div>
      )}
      {isEmpty && status.data && <HealthPanel status={status.data} />}
    </>
  );
}

function OverviewTiles({ overview }: { overview: Overview }) {
  const { services, llm } = overview;
  const rate = services.reduce((sum, service) => sum + service.request_rate, 0);
  const requests = services.reduce((sum, service) => sum + service.requests, 0);
  const errors = services.reduce((sum, service) => sum + service.errors, 0);
  const share = requests > 0 ? errors / requests : 0;
  const { today, window: shown } = llm;
  return (
    <div class="tiles">
      <Tile
        label="Requests"
        value={formatRate(rate)}
        note={`${plural(services.length, "service")}, ${formatCount(requests)} in all`}
        href={pageLink("/traces")}
      />
      <Tile
        label="Errors"
        value={formatShare(share)}
        tone={share >= 0.05 ? "bad" : share >= 0.01 ? "warn" : "plain"}
        note={`${formatCount(errors)} requests failed`}
        href={pageLink("/traces", { status: "error" })}
      />
      <Tile
        label="LLM spend today"
        value={today.calls > 0 && today.unpriced_calls === today.calls ? "unpriced" : formatCost(today.cost_usd)}
        note={
          today.unpriced_calls > 0 ? (
            <span class="warn-text">{`${plural(today.unpriced_calls, "call")} unpriced`}</span>
          ) : (
            plural(today.calls, "call")
          )
        }
        href={pageLink("/llm", { start: "now-24h", end: "now" })}
      />
      <Tile
        label="LLM calls"
        value={formatCount(shown.calls)}
        note={
          shown.errors > 0 ? (
            <span class="error-text">{`${formatCount(shown.errors)} failed`}</span>
          ) : (
            `${formatCount(shown.input_tokens)} → ${formatCount(shown.output_tokens)} tokens`
          )
        }
        href={pageLink("/llm")}
      />
    </div>
  );
}
