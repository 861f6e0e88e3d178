/** Chooses the time range: presets, two ends typed by hand, steps back and forth, wider. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { TimeState } from "../time/clock";
import { formatClock, formatDate, formatWindow } from "../time/format";
import { PRESETS, parseTime, presetLabel, shift, widen } from "../time/range";
import type { Zone } from "../time/zone";
import { Icon } from "./icon";
import { usePopover } from "./popover";

export function TimePicker({ time, zone }: { time: TimeState; zone: Zone }) {
  const { open, setOpen, root } = usePopover();
  const label = presetLabel(time.range);
  const exact = formatWindow(time.window, zone);
  return (
    <div class="time-picker" ref={root}>
      <div class="joined">
        <button
          type="button"
          class="button wide-only"
          aria-label="Earlier"
          title="Half a window earlier"
          onClick={() => time.zoom(shift(time.window, -0.5))}
        >
          <Icon name="chevronLeft" size={14} />
        </button>
        <button
          type="button"
          class="button"
          data-action="time"
          aria-haspopup="dialog"
          aria-expanded={open}
          title={exact}
          onClick={() => setOpen(!open)}
        >
          <Icon name="clock" size={14} />
          <span>{label ?? exact}</span>
          <Icon name="chevronDown" size={14} />
        </button>
        <button
          type="button"
          class="button wide-only"
          aria-label="Later"
          title="Half a window later"
          onClick={() => time.zoom(shift(time.window, 0.5))}
        >
          <Icon name="chevronRight" size={14} />
        </button>
        <button
          type="button"
          class="button wide-only"
          aria-label="Zoom out"
          title="Zoom out"
          onClick={() => time.zoom(widen(time.window, 2))}
        >
          <Icon name="minus" size={14} />
        </button>
      </div>
      {open && <TimePanel time={time} zone={zone} close={() => setOpen(false)} />}
    </div>
  );
}

function TimePanel({ time, zone, close }: { time: TimeState; zone: Zone; close(): void }) {
  const [start, setStart] = useState(() => editable(time.range.start, time, zone));
  const [end, setEnd] = useState(() => editable(time.range.end, time, zone));
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const parsedStart = parseTyped(start, zone, time.nowSeconds);
  const parsedEnd = parseTyped(end, zone, time.nowSeconds);
  const problem =
    parsedStart === null || parsedEnd === null
      ? "Write now, now-2h, or 2026-08-01 14:30"
      : parsedStart.seconds >= parsedEnd.seconds
        ? "The start must be before the end"
        : "";
  const apply = (event: SubmitEvent) => {
    event.preventDefault();
    if (problem || !parsedStart || !parsedEnd) return;
    time.setRange({ start: parsedStart.text, end: parsedEnd.text });
    close();
  };
  return (
    <div class="popover time-panel" role="dialog" aria-label="Time range">
      <form onSubmit={apply}>
        <label class="field">
          <span>From</span>
          <input ref={first} class="input" value={start} onInput={(event) => setStart(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>To</span>
          <input class="input" value={end} onInput={(event) => setEnd(event.currentTarget.value)} />
        </label>
        <p class="field-note" role="status">
          {problem || `${zone === "utc" ? "UTC" : "Local time"}. Drag across any chart to zoom.`}
        </p>
        <button type="submit" class="button button-primary" disabled={problem !== ""}>
          Apply
        </button>
      </form>
      <ul class="menu" aria-label="Presets">
        {PRESETS.map((preset) => (
          <li key={preset.start}>
            <button
              type="button"
              class="menu-item"
              aria-pressed={time.range.start === preset.start && time.range.end === "now"}
              onClick={() => {
                time.setRange({ start: preset.start, end: "now" });
                close();
              }}
            >
              {preset.label}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** An end of the range as someone would type it. */
function editable(text: string, time: TimeState, zone: Zone): string {
  if (text.startsWith("now")) return text;
  const seconds = parseTime(text, time.nowSeconds);
  return seconds === null ? text : `${formatDate(seconds, zone)} ${formatClock(seconds, zone)}`;
}

function parseTyped(text: string, zone: Zone, nowSeconds: number): { text: string; seconds: number } | null {
  const value = text.trim();
  const bare = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{1,2}:\d{2}(?::\d{2})?))?$/.exec(value);
  if (bare) {
    const clock = (bare[2] ?? "00:00").padStart(5, "0");
    const millis = Date.parse(`${bare[1]}T${clock}${zone === "utc" ? "Z" : ""}`);
    if (Number.isNaN(millis)) return null;
    return { text: new Date(millis).toISOString().replace(".000Z", "Z"), seconds: millis / 1000 };
  }
  const seconds = parseTime(value, nowSeconds);
  return seconds === null ? null : { text: value, seconds };
}
