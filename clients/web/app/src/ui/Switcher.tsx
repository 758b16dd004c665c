import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { Room } from "../model/Room.ts";
import { explain } from "../model/problems.ts";
import { go, toConversation } from "../model/Route.ts";
import { closeDialog, Dialog } from "./Dialog.tsx";
import { Icon } from "./icons.tsx";
import { RoomIcon, RoomTitle } from "./people.tsx";
import { say, useChat } from "./state.ts";

const SHOWN_MAX = 12;

/** Goes to any conversation by a few letters of what it is called; to a public room or a person by the whole name. */
export function Switcher(): JSX.Element {
  const chat = useChat();
  const [query, setQuery] = useState("");
  const [selected, setSelected] = useState(0);
  const wanted = query.trim().toLowerCase();
  const titled = useMemo(() => chat.order.peek().map((room) => ({ room, title: titleOf(room) })), []);
  function titleOf(room: Room): string {
    const { kind, peer, title, name } = room.info.peek();
    return (kind === "direct" && peer !== undefined ? `${chat.people.of(peer).peek().shown} ${chat.people.of(peer).peek().name}` : `${title ?? ""} ${name ?? ""}`).toLowerCase();
  }

  const found = findRooms(wanted);
  function findRooms(letters: string): typeof titled {
    return titled
      .filter(({ title }) => letters === "" || title.includes(letters.replace(/^[#@]/, "")))
      .sort((a, b) => Number(b.title.startsWith(letters)) - Number(a.title.startsWith(letters)) || b.room.unread.peek() - a.room.unread.peek())
      .slice(0, SHOWN_MAX);
  }

  const name = query.trim().replace(/^[#@]/, "");
  const isName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name);
  const others = isName ? [
    { label: `Open room #${name}`, icon: "hash" as const, run: async () => chat.roomOf(await chat.client.resolveConversation(name)) },
    { label: `Write to ${name}`, icon: "person" as const, run: async () => {
      const [user] = await chat.client.resolveNames([name]);
      if (user === undefined) throw new Error("There is nobody of that name.");
      return chat.direct(user.user);
    } },
  ] : [];
  const count = found.length + others.length;

  async function choose(index: number): Promise<void> {
    try {
      const room = found[index]?.room ?? (await others[index - found.length]?.run());
      if (room === undefined) return;
      closeDialog();
      go(toConversation(room.id));
    } catch (error) {
      say(explain(error), true);
    }
  }

  function onKeyDown(event: KeyboardEvent): void {
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && count > 0) {
      event.preventDefault();
      setSelected((selected + (event.key === "ArrowDown" ? 1 : -1) + count) % count);
    } else if (event.key === "Enter") {
      event.preventDefault();
      // Enter means what is written, also when that is not drawn yet.
      const written = (event.target as HTMLInputElement).value;
      const room = written === query ? undefined : findRooms(written.trim().toLowerCase())[0]?.room;
      if (written === query) void choose(selected);
      else if (room !== undefined) {
        closeDialog();
        go(toConversation(room.id));
      }
    }
  }

  return (
    <Dialog title="Jump to" hasNoHead>
      <input
        class="input switcher-field" type="text" role="combobox" aria-label="Jump to" aria-expanded={count > 0} aria-controls="switcher-found" aria-autocomplete="list" aria-activedescendant={count > 0 ? `switcher-${selected}` : undefined}
        placeholder="A conversation, #room or @person" autocomplete="off" autocapitalize="none" spellcheck={false} value={query} onInput={(event) => { setQuery(event.currentTarget.value); setSelected(0); }} onKeyDown={onKeyDown} data-autofocus
      />
      <ul id="switcher-found" class="options flat" role="listbox" aria-label="Conversations">
        {found.map(({ room }, index) => (
          <li key={room.id} id={`switcher-${index}`} role="option" aria-selected={index === selected} onPointerDown={(event) => { event.preventDefault(); void choose(index); }} onPointerEnter={() => setSelected(index)}>
            <RoomIcon room={room} /><span class="completion-name"><RoomTitle room={room} /></span>{room.unread.value > 0 && <span class="badge">{room.unread.value}</span>}
          </li>
        ))}
        {others.map((other, at) => (
          <li key={other.icon} id={`switcher-${found.length + at}`} role="option" aria-selected={found.length + at === selected} onPointerDown={(event) => { event.preventDefault(); void choose(found.length + at); }} onPointerEnter={() => setSelected(found.length + at)}>
            <span class="avatar s square"><Icon name={other.icon} small /></span><span class="completion-name">{other.label}</span>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
