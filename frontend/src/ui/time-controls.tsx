/** Time range, zone and refresh: the controls at the right of every page's head. */

import { setQuery, useQuery } from "../router/query";
import { REFRESH_INTERVALS, refresh, useTime } from "../time/clock";
import { chooseZone, useZone } from "../time/zone";
import { Icon } from "./icon";
import { TimePicker } from "./time-picker";

export function TimeControls({ timeless, live }: { timeless: boolean; live: boolean }) {
  const zone = useZone();
  const query = useQuery();
  const time = useTime();
  return (
    <>
      {!timeless && <TimePicker time={time} zone={zone} />}
      <button
        type="button"
        class="button zone-button"
        title="Switch between local time and UTC"
        aria-label={`Times are in ${zone === "utc" ? "UTC" : "local time"}; switch`}
        onClick={() => chooseZone(zone === "utc" ? "local" : "utc")}
      >
        {zone === "utc" ? "UTC" : "Local"}
      </button>
      <div class="joined">
        <button
          type="button"
          class="button"
          aria-label="Refresh"
          title="Refresh (r)"
          data-action="refresh"
          onClick={refresh}
        >
          <Icon name="refresh" />
        </button>
        {live && (
          <select
            class="select refresh-select"
            aria-label="Refresh automatically"
            title="Refresh automatically"
            value={query.get("refresh") ?? ""}
            onChange={(event) => setQuery({ refresh: event.currentTarget.value }, { replace: true })}
          >
            {REFRESH_INTERVALS.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        )}
      </div>
    </>
  );
}
