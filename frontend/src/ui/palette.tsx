/** Ctrl K: any page, any service, any trace by its id, and the switches of the page. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { address } from "../api/client";
import { useResource } from "../api/resource";
import type { Services } from "../api/types";
import { navigate } from "../router/location";
import { pageLink } from "../router/query";
import { useStore } from "../store";
import { refresh, useTime } from "../time/clock";
import { chooseZone, useZone } from "../time/zone";
import { EACH_PAGE } from "./pages";
import { paletteOpen } from "./palette-state";
import { toggleTheme } from "./theme";

interface Command {
  id: string;
  label: string;
  kind: string;
  act(): void;
}

export function Palette() {
  const dialog = useRef<HTMLDialogElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const open = useStore(paletteOpen);
  const [text, setText] = useState("");
  const [chosen, setChosen] = useState(0);
  const commands = useCommands(text, open);
  const latest = useRef({ chosen, commands });
  latest.current = { chosen, commands };

  // Opened within the key press, not with the next rendering: what is typed on belongs into the field.
  useEffect(
    () =>
      paletteOpen.subscribe(() => {
        if (!paletteOpen.get()) dialog.current?.close();
        else if (!dialog.current?.open) {
          setText("");
          setChosen(0);
          if (input.current) input.current.value = "";
          dialog.current?.showModal();
        }
      }),
    [],
  );
  useLayoutEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        paletteOpen.set(!paletteOpen.get());
      }
    };
    document.addEventListener("keydown", listen);
    return () => document.removeEventListener("keydown", listen);
  }, []);
  useEffect(() => {
    dialog.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [chosen]);

  const close = () => paletteOpen.set(false);
  const act = (command: Command | undefined) => {
    if (!command) return;
    close();
    command.act();
  };
  const onKey = (event: KeyboardEvent) => {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (by !== 0) {
      event.preventDefault();
      setChosen((old) => (old + by + commands.length) % Math.max(commands.length, 1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      // After the pending rendering: the list is then that of the text in the field.
      setTimeout(() => act(latest.current.commands[latest.current.chosen]));
    }
  };
  return (
    <dialog
      ref={dialog}
      class="palette"
      aria-label="Go to"
      onClose={close}
      onClick={(event) => event.target === dialog.current && close()}
      onKeyDown={onKey}
    >
      <input
        ref={input}
        class="palette-input"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={commands[chosen] ? `palette-${chosen}` : undefined}
        aria-label="Page, service or trace id"
        placeholder="Page, service or trace id"
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
        }}
      />
      <ul class="palette-list" id="palette-list" role="listbox" aria-label="Commands">
        {commands.map((command, index) => (
          <li key={command.id} id={`palette-${index}`} role="option" aria-selected={index === chosen}>
            <button type="button" tabIndex={-1} onMouseMove={() => setChosen(index)} onClick={() => act(command)}>
              <span>{command.label}</span>
              <span class="muted">{command.kind}</span>
            </button>
          </li>
        ))}
        {commands.length === 0 && <li class="palette-none">Nothing by that name</li>}
      </ul>
    </dialog>
  );
}

function useCommands(text: string, open: boolean): Command[] {
  const { window: shown } = useTime();
  const zone = useZone();
  const services = useResource<Services>(
    open ? address("/services", { start: shown.startSeconds, end: shown.endSeconds }) : null,
  );
  return useMemo(() => {
    const go =
      (path: string, updates: Record<string, string> = {}) =>
      () =>
        navigate(pageLink(path, updates));
    const all: Command[] = [
      ...EACH_PAGE.map(({ path, label }) => ({ id: path, label, kind: "page", act: go(path) })),
      { id: "theme", label: "Switch dark and light", kind: "command", act: toggleTheme },
      {
        id: "zone",
        label: zone === "utc" ? "Show local time" : "Show UTC",
        kind: "command",
        act: () => chooseZone(zone === "utc" ? "local" : "utc"),
      },
      { id: "refresh", label: "Refresh", kind: "command", act: refresh },
      { id: "live", label: "Live tail of logs", kind: "command", act: go("/logs", { live: "1" }) },
      { id: "errors", label: "Traces with errors", kind: "command", act: go("/traces", { status: "error" }) },
    ];
    for (const { service } of services.data?.services ?? []) {
      all.push({ id: `t ${service}`, label: service, kind: "traces", act: go("/traces", { service }) });
      all.push({ id: `l ${service}`, label: service, kind: "logs", act: go("/logs", { service }) });
    }
    const wanted = text.trim().toLowerCase();
    const found = all.filter(({ label, kind }) => `${label} ${kind}`.toLowerCase().includes(wanted));
    if (/^[0-9a-f]{16,32}$/.test(wanted)) {
      found.unshift({ id: "trace", label: `Trace ${wanted}`, kind: "trace", act: go(`/traces/${wanted}`) });
    }
    return found.slice(0, 60);
  }, [text, services.data, zone]);
}
