import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import type { Room } from "../model/Room.ts";
import { toConversation } from "../model/Route.ts";
import { explain } from "../model/problems.ts";
import { Icon } from "./icons.tsx";
import { Avatar, Name, PresenceDot, RoomIcon, RoomTitle } from "./people.tsx";
import { shownLine } from "./safeText.ts";
import { dialog, say, useChat } from "./state.ts";
import { listTime } from "./times.ts";

/** Rows of the list that are drawn at first; more as one scrolls. */
const ROWS_STEP = 60;

/** The list of conversations, and what belongs to the user. */
export function Sidebar({ current }: { current: Room | undefined }): JSX.Element {
  const chat = useChat();
  const [shown, setShown] = useState(ROWS_STEP);
  const list = useRef<HTMLUListElement>(null);
  const rooms = chat.order.value;
  const invitations = rooms.filter((room) => room.info.value.role === "invited");
  const others = rooms.filter((room) => room.info.value.role !== "invited");

  function onScroll(event: Event): void {
    const scrolled = event.currentTarget as HTMLElement;
    if (scrolled.scrollHeight - scrolled.scrollTop - scrolled.clientHeight < 600 && shown < rooms.length) setShown(shown + ROWS_STEP);
  }

  /** Arrow keys go through the list; Tab leaves it. */
  function onKeyDown(event: KeyboardEvent): void {
    if (!["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key) || event.altKey) return;
    const links = [...list.current!.querySelectorAll<HTMLAnchorElement>("a.room-row")];
    const at = links.indexOf(document.activeElement as HTMLAnchorElement);
    const next = event.key === "Home" ? 0 : event.key === "End" ? links.length - 1 : Math.min(links.length - 1, Math.max(0, at + (event.key === "ArrowDown" ? 1 : -1)));
    event.preventDefault();
    links[next]?.focus();
  }

  return (
    <nav class="sidebar" aria-label="Conversations">
      <header class="sidebar-head">
        <button type="button" class="me" onClick={() => (dialog.value = { kind: "settings", tab: "profile" })}>
          <span class="room-icon"><Avatar user={chat.self} size="s" /><PresenceDot user={chat.self} /></span>
          <Name user={chat.self} /><span class="visually-hidden">, your profile and settings</span>
        </button>
        <button type="button" class="icon-button" aria-label="Write to somebody" title="Write to somebody" onClick={() => (dialog.value = { kind: "newDirect" })}><Icon name="edit" /></button>
        <button type="button" class="icon-button" aria-label="Make or join a room" title="Make or join a room" onClick={() => (dialog.value = { kind: "newRoom" })}><Icon name="add" /></button>
      </header>
      <div class="sidebar-search">
        <button type="button" class="search-button" onClick={() => (dialog.value = { kind: "switcher" })}>
          <Icon name="search" small /><span>Jump to</span><kbd>{isMac ? "⌘" : "Ctrl"} K</kbd>
        </button>
      </div>
      <div class="sidebar-list" onScroll={onScroll} onKeyDown={onKeyDown}>
        {invitations.length > 0 && (
          <section aria-label="Invitations">
            <h2 class="list-title">Invitations</h2>
            <ul>{invitations.map((room) => <Invitation room={room} key={room.id} />)}</ul>
          </section>
        )}
        {!chat.isLoaded.value && rooms.length === 0 && <Skeleton />}
        {chat.isLoaded.value && rooms.length === 0 && <p class="hint sidebar-empty">Your conversations will stand here.</p>}
        <ul ref={list} aria-label="Conversations">
          {others.slice(0, shown).map((room) => <RoomRow room={room} isCurrent={room === current} key={room.id} />)}
        </ul>
      </div>
    </nav>
  );
}

const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

function RoomRow({ room, isCurrent }: { room: Room; isCurrent: boolean }): JSX.Element {
  const unread = room.unread.value;
  const isDirect = room.info.value.kind === "direct";
  const mentions = isDirect ? unread : room.mentions.value;
  const count = `${unread}${room.hasMoreUnread.value ? "+" : ""}`;
  const activity = room.activity.value;
  return (
    <li>
      <a class="room-row" href={toConversation(room.id)} aria-current={isCurrent ? "page" : undefined} data-unread={unread > 0}>
        <RoomIcon room={room} />
        <span class="room-row-text">
          <span class="room-row-top">
            <span class="room-row-title"><RoomTitle room={room} />{unread > 0 && <span class="visually-hidden">, {count} unread{mentions > 0 && !isDirect ? `, ${mentions} mention you` : ""}, </span>}</span>
            {activity > 0 && <time class="room-row-time" aria-hidden="true">{listTime(activity)}</time>}
          </span>
          <span class="room-row-bottom">
            <span class="room-row-last"><LastLine room={room} /></span>
            {unread > 0 && (
              <span class={mentions > 0 ? "badge for-me" : "badge"} aria-hidden="true">{mentions > 0 && !isDirect ? "@" : ""}{mentions > 0 && !isDirect ? mentions : count}</span>
            )}
          </span>
        </span>
      </a>
    </li>
  );
}

function LastLine({ room }: { room: Room }): JSX.Element {
  const chat = useChat();
  const typing = room.typing.value;
  const draft = room.draft.value.trim();
  const preview = room.preview.value;
  if (typing.length > 0) return <span class="typing-text">{room.info.value.kind === "direct" ? "typing …" : <><Name user={typing[0]!} /> is typing …</>}</span>;
  if (draft !== "") return <><span class="draft-word">Draft:</span> {shownLine(draft)}</>;
  if (preview === undefined) return <span>{room.info.value.topic !== undefined ? shownLine(room.info.value.topic) : "Nothing yet"}</span>;
  const isOwn = preview.sender === chat.self;
  const text = preview.isDeleted ? "message deleted" : preview.text === undefined || preview.text === "" ? "sent a file" : shownLine(preview.text);
  return <><span class="last-who">{isOwn ? "You" : room.info.value.kind === "direct" ? "" : <Name user={preview.sender} />}{isOwn || room.info.value.kind !== "direct" ? ": " : ""}</span>{text}</>;
}

function Invitation({ room }: { room: Room }): JSX.Element {
  const chat = useChat();
  async function answer(accepts: boolean): Promise<void> {
    try {
      await (accepts ? chat.client.accept(room.id) : chat.client.decline(room.id));
      chat.refreshSoon();
      if (accepts) location.hash = toConversation(room.id);
    } catch (error) {
      say(explain(error), true);
    }
  }

  return (
    <li class="invitation">
      <RoomIcon room={room} />
      <span class="room-row-text"><span class="room-row-title"><RoomTitle room={room} /></span></span>
      <button type="button" class="button small primary" onClick={() => void answer(true)}>Accept</button>
      <button type="button" class="icon-button small" aria-label="Decline" title="Decline" onClick={() => void answer(false)}><Icon name="close" small /></button>
    </li>
  );
}

function Skeleton(): JSX.Element {
  const rows = useMemo(() => Array.from({ length: 8 }, (_, index) => index), []);
  return <ul class="skeleton" aria-hidden="true">{rows.map((row) => <li key={row}><span /><span /></li>)}</ul>;
}

