/** Rotations: who has the turn now, and two weeks of turns as a line each. */
import type { OnCall, Rotation } from "../../api/rules";
import { clockParts, formatClock, formatDate } from "../../time/format";
import { useZone, type Zone } from "../../time/zone";
import { colourOf } from "../../ui/colour";
import { Panel } from "../../ui/panel";
import { useTheme } from "../../ui/theme";
import { DAY, DAYS, momentSeconds, type PlacedTurn, toLine } from "./timeline";

interface Props {
  rotations: readonly Rotation[];
  people: OnCall["people"];
  nowSeconds: number;
}

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

export function RotationPanel({ rotations, people, nowSeconds }: Props) {
  const zone = useZone();
  const { hour, minute, second } = clockParts(nowSeconds, zone);
  const dayStart = Math.floor(nowSeconds - hour * 3600 - minute * 60 - second);
  return (
    <Panel title="Rotations" aside={<span class="muted">two weeks, in {zone === "utc" ? "UTC" : "local time"}</span>}>
      {rotations.length === 0 && <p class="padded muted">There are no rotations; people are told by name.</p>}
      {rotations.map((rotation) => (
        <RotationLine
          key={rotation.name}
          rotation={rotation}
          receivers={people.find(({ name }) => name === rotation.now.person)?.receivers ?? []}
          nowSeconds={nowSeconds}
          dayStart={dayStart}
          zone={zone}
        />
      ))}
    </Panel>
  );
}

interface LineProps {
  rotation: Rotation;
  receivers: readonly string[];
  nowSeconds: number;
  dayStart: number;
  zone: Zone;
}

function RotationLine({ rotation, receivers, nowSeconds, dayStart, zone }: LineProps) {
  useTheme();
  const line = toLine(rotation, nowSeconds, dayStart);
  const { now } = rotation;
  return (
    <section class="rotation" aria-label={`Rotation ${rotation.name}`}>
      <header class="rotation-head">
        <h3>{rotation.name}</h3>
        <span class="muted">
          hands off {rotation.handoff}, {rotation.time_zone}
        </span>
        <p class="rotation-now">
          <b>{now.person}</b> until {momentText(momentSeconds(now.until), zone)}
          {now.is_override && <span class="tag tag-warn">stands in</span>}
          <span class={receivers.length > 0 ? "muted" : "error-text"}>
            {receivers.length > 0 ? `told through ${receivers.join(", ")}` : "has no receiver: is not told"}
          </span>
        </p>
      </header>
      <div class="turn-line">
        <svg class="turn-days" viewBox={`0 0 ${DAYS} 1`} preserveAspectRatio="none" aria-hidden="true">
          {Array.from({ length: DAYS }, (_, day) => {
            const { weekday } = clockParts(dayStart + day * DAY + DAY / 2, zone);
            const weekend = weekday === 0 || weekday === 6;
            return <rect key={day} class={weekend ? "turn-day is-weekend" : "turn-day"} x={day} width="1" height="1" />;
          })}
        </svg>
        <ol class="turns" aria-label={`Turns of ${rotation.name}`}>
          {line.turns.map((placed) => (
            <Bar key={`${placed.startSeconds} ${placed.turn.person}`} placed={placed} zone={zone} />
          ))}
        </ol>
        <span
          class="turn-now"
          aria-hidden="true"
          style={{ left: `${((nowSeconds - dayStart) / (DAYS * DAY)) * 100}%` }}
        />
      </div>
      <div class="turn-ticks" aria-hidden="true">
        {Array.from({ length: DAYS }, (_, day) => {
          const { weekday, day: date } = clockParts(dayStart + day * DAY + DAY / 2, zone);
          return (
            <span key={day} class={weekday === 1 || day === 0 ? "is-first" : ""}>
              <span>{WEEKDAYS[weekday]}</span> {date}
            </span>
          );
        })}
      </div>
    </section>
  );
}

function Bar({ placed, zone }: { placed: PlacedTurn; zone: Zone }) {
  const { turn, from, to, startSeconds, endSeconds, isNow } = placed;
  const label = `${turn.person}, ${momentText(startSeconds, zone)} to ${momentText(endSeconds, zone)}${
    turn.is_override ? ", stands in" : ""
  }${isNow ? ", now" : ""}`;
  return (
    <li
      class={`turn ${isNow ? "is-now" : ""} ${turn.is_override ? "is-override" : ""}`}
      title={label}
      aria-label={label}
      style={{
        left: `${from * 100}%`,
        width: `${(to - from) * 100}%`,
        "--turn": colourOf(turn.person, "user"),
      }}
    >
      <span>{turn.person}</span>
    </li>
  );
}

export function momentText(seconds: number, zone: Zone): string {
  return `${formatDate(seconds, zone)} ${formatClock(seconds, zone).slice(0, 5)}`;
}
