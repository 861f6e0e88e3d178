/** One trace: its head, and its spans, logs and scores in tabs. */
import { useMemo } from "preact/hooks";
import { ApiError, address } from "../../api/client";
import { useResource } from "../../api/resource";
import type { Trace } from "../../api/types";
import { pageLink, setQuery, useQuery } from "../../router/query";
import { useTime } from "../../time/clock";
import { formatDuration } from "../../time/duration";
import { formatExact } from "../../time/format";
import { useZone } from "../../time/zone";
import { CopyButton } from "../../ui/copy";
import { QueryCost } from "../../ui/cost";
import { Empty } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { Icon } from "../../ui/icon";
import { formatCount, formatWhole, plural } from "../../ui/number";
import { PageHead } from "../../ui/page-head";
import { Feedback } from "../../ui/scores";
import { ServiceName } from "../../ui/service";
import { Skeleton } from "../../ui/skeleton";
import { Tabs } from "../../ui/tabs";
import { TraceLogs } from "./trace-logs";
import { buildTree, type SpanTree } from "./tree";
import { WaterfallView } from "./waterfall-view";

export function TracePage({ traceId }: { traceId: string }) {
  const { version } = useTime();
  const { data, error, loading } = useResource<Trace>(address(`/traces/${traceId}`), version);
  const tree = useMemo(() => (data ? buildTree(data) : null), [data]);
  const root = tree?.roots[0]?.span;
  const title = root ? root.name : "Trace";
  const isUnknown = error instanceof ApiError && error.status === 404;
  return (
    <>
      <PageHead
        title={title}
        timeless
        heading={
          <h1 class="crumbs">
            <a href={pageLink("/traces")}>Traces</a>
            <span aria-hidden="true">/</span>
            {root ? (
              <>
                <ServiceName name={root.service} />
                <span class="crumb-here">{root.name}</span>
              </>
            ) : (
              <code>{traceId.slice(0, 16)}</code>
            )}
          </h1>
        }
      />
      {isUnknown && (
        <Empty title="This trace is not here">
          <p>
            No span of <code>{traceId}</code> is stored. It may still be on its way (a second or two), not have been
            sampled, or be older than the retention.
          </p>
          <a class="button" href={pageLink("/traces")}>
            Search traces
          </a>
        </Empty>
      )}
      {error && !isUnknown && <ErrorNotice error={error} />}
      {!data && loading && <Skeleton rows={14} height={26} />}
      {data && tree && <TraceView trace={data} tree={tree} />}
    </>
  );
}

function TraceView({ trace, tree }: { trace: Trace; tree: SpanTree }) {
  const query = useQuery();
  const zone = useZone();
  const tab = query.get("tab") ?? "spans";
  const services = useMemo(() => {
    const found = new Map<string, { spans: number; errors: number }>();
    for (const { service, status_code } of trace.spans) {
      const entry = found.get(service) ?? { spans: 0, errors: 0 };
      entry.spans += 1;
      if (status_code === "error") entry.errors += 1;
      found.set(service, entry);
    }
    return [...found].sort((a, b) => b[1].spans - a[1].spans);
  }, [trace]);
  return (
    <>
      <div class="trace-facts">
        <span class="trace-duration">{formatDuration(trace.duration_nano)}</span>
        <span>{plural(trace.spans.length, "span")}</span>
        {tree.errors > 0 && (
          <span class="error-count">
            <Icon name="alert" size={13} /> {plural(tree.errors, "error")}
          </span>
        )}
        <time>{formatExact(trace.start_unix_nano, zone)}</time>
        <span class="trace-id">
          <code>{trace.trace_id}</code>
          <CopyButton text={trace.trace_id} label="Copy trace id" />
        </span>
        <span class="trace-services">
          {services.map(([name, { spans, errors }]) => (
            <ServiceName key={name} name={name} count={spans} errors={errors} />
          ))}
        </span>
      </div>
      {trace.truncated && (
        <div class="notice notice-warning" role="status">
          <Icon name="alert" />
          <div class="notice-text">
            This trace is larger than what is shown: the first {formatWhole(trace.spans.length)} spans are here.
          </div>
        </div>
      )}
      <div class="tab-bar">
        <Tabs
          label="Trace"
          chosen={tab}
          onChoose={(id) => setQuery({ tab: id === "spans" ? null : id })}
          tabs={[
            { id: "spans", label: "Waterfall" },
            { id: "logs", label: <Counted label="Logs" count={trace.logs.length} /> },
            { id: "scores", label: <Counted label="Feedback" count={trace.scores.length} /> },
          ]}
        />
        <QueryCost stats={trace.stats} />
      </div>
      {tab === "logs" ? (
        <section class="panel">
          {trace.logs.length === 0 ? (
            <Empty title="No logs carry this trace's id">
              <p>
                Logs written inside a span carry it when <code>sonde.configure(…)</code> has run, or the OpenTelemetry
                logging instrumentation.
              </p>
            </Empty>
          ) : (
            <TraceLogs
              logs={trace.logs}
              traceStart={trace.start_unix_nano}
              onSpan={(span) => setQuery({ tab: null, span })}
            />
          )}
        </section>
      ) : tab === "scores" ? (
        <section class="panel padded">
          <Feedback scores={trace.scores} traceId={trace.trace_id} />
        </section>
      ) : (
        <WaterfallView trace={trace} tree={tree} />
      )}
    </>
  );
}

function Counted({ label, count }: { label: string; count: number }) {
  return (
    <>
      {label} {count > 0 && <span class="count">{formatCount(count)}</span>}
    </>
  );
}
