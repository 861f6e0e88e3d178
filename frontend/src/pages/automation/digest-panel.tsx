/** The weekly digest: when it goes out next and to whom, how the last one went, and what it would say now. */
import { useEffect, useRef } from "preact/hooks";
import { DIGEST, type Digest, type DigestSchedule } from "../../api/automation";
import { useResource } from "../../api/resource";
import { pageLink } from "../../router/query";
import { formatClock, formatDate } from "../../time/format";
import { useZone, type Zone } from "../../time/zone";
import { Snippet } from "../../ui/empty";
import { ErrorNotice } from "../../ui/error-notice";
import { Panel } from "../../ui/panel";
import { Skeleton } from "../../ui/skeleton";
import { kindOf } from "../alerts/notification-table";
import { toSeconds } from "../rules/rule-list";
import { DIGEST_EXAMPLE } from "./examples";
import { ScrolledText } from "./scrolled-text";
import { StateMark } from "./state-mark";
import { inText } from "./words";

interface Props {
  schedule: DigestSchedule | null;
  nowSeconds: number;
  isPreviewed: boolean;
}

const PATH = "/alerts/automation";

export function DigestPanel({ schedule, nowSeconds, isPreviewed }: Props) {
  const preview = (
    <a href={pageLink(PATH, isPreviewed ? {} : { preview: "1" })}>
      {isPreviewed ? "Hide what it would say now" : "What it would say now"}
    </a>
  );
  return (
    <Panel title="Weekly digest" aside={preview}>
      {schedule === null ? (
        <div class="padded nothing">
          <p class="muted">No digest is sent. When, and to whom, stands in the response file:</p>
          <Snippet label="The digest" text={DIGEST_EXAMPLE} />
        </div>
      ) : (
        <Schedule schedule={schedule} nowSeconds={nowSeconds} />
      )}
    </Panel>
  );
}

function Schedule({ schedule, nowSeconds }: { schedule: DigestSchedule; nowSeconds: number }) {
  const zone = useZone();
  const { at, time_zone, next_at, receivers, last } = schedule;
  const next = toSeconds(next_at) ?? nowSeconds;
  return (
    <dl class="rule-facts">
      <dt>Next</dt>
      <dd>
        {momentText(next, zone)}, {inText(next - nowSeconds)}{" "}
        <span class="muted">
          each {at}, {time_zone}
        </span>
      </dd>
      <dt>Goes to</dt>
      <dd>{receivers.join(", ")}</dd>
      <dt>Last sent</dt>
      <dd>
        {last === null ? (
          <span class="muted">Not at this time of the week within the last four weeks.</span>
        ) : (
          <ul class="digest-sent">
            {last.sent.map(({ receiver, integration, at: sent, error, is_retried }) => (
              <li key={integration}>
                {momentText(toSeconds(sent) ?? nowSeconds, zone)} {receiver}{" "}
                <span class="muted">{kindOf(integration)}</span>{" "}
                <StateMark tone={error === "" ? "good" : "bad"}>{error === "" ? "arrived" : "failed"}</StateMark>{" "}
                {error && (
                  <span>
                    {error} <span class="muted">{is_retried ? "tried again" : "given up"}</span>
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
      </dd>
    </dl>
  );
}

/** The digest of the last seven days, which nobody is sent. */
export function DigestPreview({ version }: { version: number }) {
  const told = useResource<Digest>(DIGEST, version);
  const head = useRef<HTMLDivElement>(null);
  const isThere = told.data !== null;
  useEffect(() => {
    // Once it has its size; what it says later changes in place.
    head.current?.scrollIntoView({ block: "nearest" });
  }, [isThere]);
  return (
    <div ref={head}>
      <Panel title="The digest of the last seven days" aside={<a href={pageLink(PATH)}>Close</a>}>
        {told.error && (
          <div class="padded">
            <ErrorNotice error={told.error} />
          </div>
        )}
        {!told.data && !told.error && <Skeleton rows={6} height={20} />}
        {told.data && <ScrolledText class="digest-text" label={told.data.title} text={told.data.text} />}
      </Panel>
    </div>
  );
}

function momentText(seconds: number, zone: Zone): string {
  return `${formatDate(seconds, zone)} ${formatClock(seconds, zone).slice(0, 5)}`;
}
