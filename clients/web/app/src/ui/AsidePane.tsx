import type { JSX } from "preact";
import { Icon } from "./icons.tsx";
import { InfoPanel } from "./InfoPanel.tsx";
import { PinsPanel } from "./PinsPanel.tsx";
import { aside } from "./state.ts";
import { ThreadPanel } from "./ThreadPanel.tsx";

const TITLES = { thread: "Thread", info: "Members and settings", pins: "Pinned messages" } as const;

/** What stands beside the conversation; on a phone, in front of it. */
export function AsidePane(): JSX.Element | null {
  const current = aside.value;
  if (current === undefined) return null;
  const title = TITLES[current.kind];
  return (
    <aside class="aside" aria-label={title}>
      <header class="aside-head">
        <h2>{title}</h2>
        <button type="button" class="icon-button" aria-label="Close" title="Close (Esc)" onClick={() => (aside.value = undefined)}><Icon name="close" /></button>
      </header>
      {current.kind === "thread" && <ThreadPanel room={current.room} root={current.root} key={`${current.room.id}-${current.root}`} />}
      {current.kind === "info" && <InfoPanel room={current.room} key={current.room.id} />}
      {current.kind === "pins" && <PinsPanel room={current.room} key={current.room.id} />}
    </aside>
  );
}
