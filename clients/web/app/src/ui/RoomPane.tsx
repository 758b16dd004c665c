import { useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Entry } from "../model/Entry.ts";
import { explain } from "../model/problems.ts";
import type { Room } from "../model/Room.ts";
import { go, route } from "../model/Route.ts";
import { Announcer } from "./Announcer.tsx";
import { Composer } from "./Composer.tsx";
import { dropTarget } from "./drop.ts";
import { Icon } from "./icons.tsx";
import { LogView, type LogViewport } from "./LogView.tsx";
import { messageKey } from "./messageKeys.ts";
import { MessageDrawer } from "./MessageRow.tsx";
import { availabilityWord, Name, RoomIcon, RoomTitle, useRoomTitle } from "./people.tsx";
import { shownLine } from "./safeText.ts";
import { aside, say, useChat } from "./state.ts";
import { ago } from "./times.ts";

/** A conversation: its head, its log, what happens at this moment, and the field to write in. */
export function RoomPane({ room }: { room: Room }): JSX.Element {
  const chat = useChat();
  const view = useRef<LogView<Entry>>(null);
  const viewport = useSignal<LogViewport>({ first: 0, last: 0, isFollowing: true });
  const title = useRoomTitle(room);
  const drawer = useMemo(() => new MessageDrawer(room, (sequence) => view.current?.jumpTo(sequence, { flash: true })), [room]);
  const [isDropping, setIsDropping] = useState(false);
  const [files, setFiles] = useState<readonly File[]>([]);
  const start = useMemo(() => {
    const place = route.peek();
    room.drawNewLine();
    if (place.page === "conversation" && place.conversation === room.id && place.sequence !== undefined) return place.sequence;
    return room.newFrom.peek() > 0 ? room.newFrom.peek() : ("end" as const);
  }, [room]);

  useEffect(() => {
    room.follow();
    const end = room.log.subscribe(() => view.current?.changed());
    view.current?.changed();
    // Names, ticks and the line of what is new are drawn with the rows.
    const ends = [room.readByOthers, room.newFrom].map((signal) => signal.subscribe(() => view.current?.changed()));
    return () => {
      end();
      for (const one of ends) one();
      if (!chat.order.peek().includes(room)) room.unfollow();
    };
  }, [chat, room]);

  useEffect(() => {
    if (room.isMember) chat.presence.watch(room.id);
  }, [chat, room, room.info.value.role]);

  // A place in the address that comes while the room is open: a search, a link, a notification.
  useEffect(() => route.subscribe((place) => {
    if (place.page === "conversation" && place.conversation === room.id && place.sequence !== undefined) view.current?.jumpTo(place.sequence, { flash: true });
  }), [room]);

  // What is in view while somebody looks is read.
  useEffect(() => {
    const look = (): void => {
      if (document.visibilityState === "visible" && document.hasFocus() && viewport.peek().last > 0) room.markRead(viewport.peek().last);
    };
    const end = viewport.subscribe(look);
    // Above the first message that comes while nobody looks stands the line.
    const endUnread = room.unread.subscribe((unread) => {
      if (unread === 1 && !(document.visibilityState === "visible" && document.hasFocus())) room.drawNewLine();
    });
    window.addEventListener("focus", look);
    document.addEventListener("visibilitychange", look);
    return () => {
      end();
      endUnread();
      window.removeEventListener("focus", look);
      document.removeEventListener("visibilitychange", look);
    };
  }, [room]);

  const onView = (now: LogViewport): void => {
    const before = viewport.peek();
    if (now.first !== before.first || now.last !== before.last || now.isFollowing !== before.isFollowing) viewport.value = now;
  };

  return (
    <section
      class="room" aria-label={title} data-dropping={isDropping}
      {...dropTarget(setIsDropping, (dropped) => setFiles((before) => [...before, ...dropped]))}
    >
      <RoomHead room={room} view={view} viewport={viewport} />
      <div class="log-place">
        <LogView
          view={view} log={room.log} label={`Messages in ${title}`} start={start} draw={drawer.draw} onView={onView}
          beginning={<Beginning room={room} />} onKeyDown={(event) => messageKey(event, view.current, room, chat)}
        />
        <ToEnd room={room} viewport={viewport} onClick={() => view.current?.toEnd()} />
      </div>
      <Typing room={room} />
      <Announcer room={room} />
      <Foot room={room} files={files} setFiles={setFiles} onSent={() => view.current?.toEnd()} />
      {isDropping && <div class="drop-veil" aria-hidden="true"><Icon name="paperclip" /><span>Drop files to attach them</span></div>}
    </section>
  );
}

function RoomHead({ room, view, viewport }: { room: Room; view: { current: LogView<Entry> | null }; viewport: { value: LogViewport } }): JSX.Element {
  const current = aside.value;
  const toggle = (kind: "info" | "pins"): void => void (aside.value = current?.kind === kind ? undefined : { kind, room });
  return (
    <header class="room-head">
      <button type="button" class="icon-button back" aria-label="Back to the list" onClick={() => go("#/")}><Icon name="back" /></button>
      <RoomIcon room={room} />
      <div class="room-head-text">
        <h1><RoomTitle room={room} /></h1>
        <p class="room-head-sub"><Subtitle room={room} /></p>
      </div>
      <JumpField view={view} room={room} viewport={viewport} />
      <button type="button" class="icon-button" aria-label="Pinned messages" title="Pinned messages" aria-expanded={current?.kind === "pins"} onClick={() => toggle("pins")}><Icon name="pin" /></button>
      <button type="button" class="icon-button" aria-label="Members and settings" title="Members and settings" aria-expanded={current?.kind === "info"} onClick={() => toggle("info")}><Icon name="info" /></button>
    </header>
  );
}

function Subtitle({ room }: { room: Room }): JSX.Element | null {
  const chat = useChat();
  const { kind, peer, topic } = room.info.value;
  if (kind === "direct" && peer !== undefined) {
    if (peer === chat.self) return <>Only you see this</>;
    const presence = chat.presence.of(peer).value;
    if (presence === undefined) return null;
    const word = presence.availability === "offline" && presence.lastSeen !== undefined ? `Last seen ${ago(presence.lastSeen)}` : availabilityWord(presence.availability);
    return <>{word}{presence.status === "" ? "" : ` · ${shownLine(presence.status)}`}</>;
  }

  return <><Counts room={room} />{topic !== undefined && topic !== "" && <bdi class="topic">{shownLine(topic)}</bdi>}</>;
}

function Counts({ room }: { room: Room }): JSX.Element | null {
  const chat = useChat();
  if (!room.isMember) return null;
  const { online, members } = chat.presence.watch(room.id).value;
  return members === 0 ? null : <span class="counts">{online} of {members} online</span>;
}

/** Where in the log one is, and a field to go elsewhere: a number, or a share of it. */
function JumpField({ room, view, viewport }: { room: Room; view: { current: LogView<Entry> | null }; viewport: { value: LogViewport } }): JSX.Element | null {
  const [isOpen, setIsOpen] = useState(false);
  const place = useComputed(() => viewport.value.last);
  const { log } = room;
  if (log.head - log.first < 200) return null;
  if (!isOpen) {
    return (
      <button type="button" class="position" title="Go to a position" aria-label={`Message ${place.value} of ${log.head}: go to a position`} onClick={() => setIsOpen(true)}>
        {place.value.toLocaleString()} / {log.head.toLocaleString()}
      </button>
    );
  }

  return (
    <form
      class="jump" onSubmit={(event) => {
        event.preventDefault();
        const wanted = Number(new FormData(event.currentTarget).get("position"));
        if (Number.isSafeInteger(wanted) && wanted > 0) view.current?.jumpTo(wanted, { flash: true });
        setIsOpen(false);
      }}
    >
      <input
        name="position" class="input" type="number" min={log.first} max={log.head} inputMode="numeric" aria-label={`Go to message, ${log.first} to ${log.head}`} autoFocus
        onBlur={() => setIsOpen(false)} onKeyDown={(event) => event.key === "Escape" && setIsOpen(false)}
      />
    </form>
  );
}

function Beginning({ room }: { room: Room }): JSX.Element {
  const chat = useChat();
  const { kind, peer, topic, visibleFrom } = room.info.value;
  return (
    <div class="beginning">
      <RoomIcon room={room} />
      <h2><RoomTitle room={room} /></h2>
      <p>
        {room.info.value.first > 1 ? "What was said before is not kept any more." :
          visibleFrom > 1 ? "What was said before is not for you to read." :
          kind === "direct" ? (peer === chat.self ? "A place for notes. Nobody else reads them." : "This is the beginning of what you two say to each other.") :
          kind === "public" ? "This is the beginning. Everybody who is signed in can read and write here." :
          kind === "channel" ? "This is the beginning. Everybody can read here." :
          "This is the beginning. Members read and write here, and nobody else."}
      </p>
      {topic !== undefined && topic !== "" && <p class="hint"><bdi>{shownLine(topic)}</bdi></p>}
    </div>
  );
}

/** Leads to the newest message, and says how many came since. */
function ToEnd({ room, viewport, onClick }: { room: Room; viewport: { value: LogViewport }; onClick: () => void }): JSX.Element | null {
  const unread = room.unread.value;
  if (viewport.value.isFollowing) return null;
  return (
    <button type="button" class="to-end" onClick={onClick} aria-label={unread > 0 ? `To the newest message, ${unread} not read` : "To the newest message"}>
      <Icon name="down" />{unread > 0 && <span>{unread.toLocaleString()} new</span>}
    </button>
  );
}

function Typing({ room }: { room: Room }): JSX.Element {
  const users = room.typing.value;
  return (
    <div class="typing" aria-hidden="true">
      {users.length > 0 && (
        <>
          <span class="dots"><i /><i /><i /></span>
          {users.length <= 3
            ? users.map((user, index) => <span key={user}>{index > 0 ? (index === users.length - 1 ? " and " : ", ") : ""}<Name user={user} /></span>)
            : "Several people"}
          {users.length === 1 ? " is typing" : " are typing"}
        </>
      )}
    </div>
  );
}

/** The field to write in, or why there is none. */
function Foot({ room, files, setFiles, onSent }: { room: Room; files: readonly File[]; setFiles: (files: readonly File[]) => void; onSent: () => void }): JSX.Element {
  const chat = useChat();
  const { kind, role, isArchived, mutedUntil } = room.info.value;
  const [isBusy, setIsBusy] = useState(false);
  async function join(): Promise<void> {
    setIsBusy(true);
    try {
      await (role === "invited" ? chat.client.accept(room.id) : chat.client.join(room.id));
      chat.added(await chat.client.getConversation(room.id));
    } catch (error) {
      say(explain(error), true);
    }

    setIsBusy(false);
  }

  const canJoin = !isArchived && (role === "invited" || (role === "none" && (kind === "public" || kind === "channel")));
  const isMuted = mutedUntil !== undefined && mutedUntil > Date.now();
  return (
    <footer class="room-foot">
      {canJoin && (
        <div class="foot-note">
          <span>{role === "invited" ? "You are invited." : "You are looking in. Join to keep this in your list."}</span>
          <button type="button" class="button small primary" disabled={isBusy} onClick={() => void join()}>{role === "invited" ? "Accept" : "Join"}</button>
        </div>
      )}
      {room.canWrite.value && !isMuted ? (
        <Composer room={room} files={files} setFiles={setFiles} onSent={onSent} />
      ) : (
        !canJoin && <p class="foot-note">{isArchived ? "This conversation is archived: nobody writes here any more." : isMuted ? "You are muted here for a while." : role === "none" ? "You are not a member of this conversation any more." : "You can read here, and not write."}</p>
      )}
    </footer>
  );
}

