import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Chat } from "../model/Chat.ts";
import { attachmentsOf, type Entry } from "../model/Entry.ts";
import type { Room } from "../model/Room.ts";
import { Attachments } from "./Attachments.tsx";
import { EventLine } from "./EventLine.tsx";
import { Icon } from "./icons.tsx";
import { QUICK_REACTIONS } from "./emoji.ts";
import { messageMenu, openReactionPicker, startEdit, startReply, toggleReaction } from "./messageActions.tsx";
import { MessageText } from "./MessageText.tsx";
import { Avatar, ColoredName, Name } from "./people.tsx";
import { Menu, openPopover } from "./Popover.tsx";
import { Quote } from "./Quote.tsx";
import { aside, dialog, useChat } from "./state.ts";
import { clockTime, dayName, dayNumber, fullTime, shortClockTime } from "./times.ts";

/** Messages of one person within this time stand together. */
const GROUP_TIME = 5 * 60_000;
const CACHE_MAX = 600;
/** More of a text than this is shown when somebody asks for it. */
const LETTERS_MAX = 3000;
const LINES_MAX = 30;

interface Shape {
  readonly isFirst: boolean;
  readonly hasDay: boolean;
  readonly isFirstNew: boolean;
  readonly isRead: boolean;
}

/**
 * Makes rows of entries, and gives back the same row for the same entry in the same place: what did not change is not looked at again. So a frame in which three messages came costs three rows, whatever else is on the screen.
 */
export class MessageDrawer {
  readonly #room: Room;
  readonly #jump: (sequence: number) => void;
  readonly #cache = new Map<string, { entry: Entry; shape: Shape; row: JSX.Element }>();

  constructor(room: Room, jump: (sequence: number) => void) {
    this.#room = room;
    this.#jump = jump;
  }

  readonly draw = (entry: Entry, before: Entry | undefined): JSX.Element => {
    const shape = this.#shapeOf(entry, before);
    const known = this.#cache.get(entry.key);
    if (known !== undefined && known.entry === entry && isSame(known.shape, shape)) return known.row;
    const row = <MessageRow key={entry.key} room={this.#room} entry={entry} shape={shape} jump={this.#jump} />;
    this.#cache.set(entry.key, { entry, shape, row });
    if (this.#cache.size > CACHE_MAX) for (const key of [...this.#cache.keys()].slice(0, CACHE_MAX / 2)) this.#cache.delete(key);
    return row;
  };

  #shapeOf(entry: Entry, before: Entry | undefined): Shape {
    const hasDay = before === undefined || dayNumber(before.sentAt) !== dayNumber(entry.sentAt);
    const newFrom = this.#room.newFrom.peek();
    const isFirstNew = newFrom > 0 && entry.sequence >= newFrom && (before === undefined || (before.sequence < newFrom && before.sequence > 0));
    const isFirst =
      hasDay || isFirstNew || before === undefined || entry.kind !== "message" || before.kind !== "message" || before.sender !== entry.sender || entry.sentAt - before.sentAt > GROUP_TIME ||
      entry.attributes.replyTo !== undefined || entry.attributes.thread !== before.attributes.thread || entry.attributes.forwarded !== undefined;
    return { isFirst, hasDay, isFirstNew, isRead: entry.sequence > 0 && entry.sequence <= this.#room.readByOthers.peek() };
  }
}

function isSame(a: Shape, b: Shape): boolean {
  return a.isFirst === b.isFirst && a.hasDay === b.hasDay && a.isFirstNew === b.isFirstNew && a.isRead === b.isRead;
}

interface RowProps {
  readonly room: Room;
  readonly entry: Entry;
  readonly shape: Shape;
  readonly jump: (sequence: number) => void;
}

function MessageRow({ room, entry, shape, jump }: RowProps): JSX.Element {
  const chat = useChat();
  const [isOver, setIsOver] = useState(false);
  const [hasFocus, setHasFocus] = useState(false);
  const isOwn = entry.sender === chat.self;
  const mentionsMe = !isOwn && (entry.attributes.mentionsAll === true || entry.attributes.mentions?.includes(chat.self) === true);
  const id = `message-${entry.key}`;
  const isMessage = entry.kind === "message" && !entry.isHidden;
  const classes = ["row", shape.isFirst ? "first" : "", isOwn ? "own" : "", mentionsMe ? "mentions-me" : "", entry.delivery !== "durable" ? "pending" : "", entry.kind === "event" ? "event" : ""];
  return (
    <div
      class={classes.filter((one) => one !== "").join(" ")} role="article" tabIndex={-1} data-sequence={entry.sequence} data-key={entry.key}
      aria-labelledby={`${id}-who ${id}-when`} aria-describedby={`${id}-text`} aria-posinset={entry.sequence > 0 ? entry.sequence : undefined} aria-setsize={-1}
      onPointerEnter={() => setIsOver(true)} onPointerLeave={() => setIsOver(false)} onFocusIn={() => setHasFocus(true)}
      onFocusOut={(event) => { if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setHasFocus(false); }}
    >
      {shape.hasDay && <div class="day"><span>{dayName(entry.sentAt)}</span></div>}
      {shape.isFirstNew && <div class="new-line"><span>New messages</span></div>}
      {entry.kind === "event" ? (
        <div class="event-line" id={`${id}-text`}>
          <EventLine entry={entry} />
          <time id={`${id}-when`} title={fullTime(entry.sentAt)} dateTime={new Date(entry.sentAt).toISOString()}>{clockTime(entry.sentAt)}</time>
          <span class="visually-hidden" id={`${id}-who`}>Event</span>
        </div>
      ) : (
        <div class="message">
          <div class="gutter">
            {shape.isFirst ? (
              <button type="button" class="avatar-button" tabIndex={-1} aria-hidden="true" onClick={() => (dialog.value = { kind: "person", user: entry.sender })}><Avatar user={entry.sender} /></button>
            ) : (
              <time class="gutter-time" aria-hidden="true">{shortClockTime(entry.sentAt)}</time>
            )}
          </div>
          <div class="body">
            <div class={shape.isFirst ? "who" : "visually-hidden"}>
              <span id={`${id}-who`} class="who-name"><ColoredName user={entry.sender} /></span>
              <time id={`${id}-when`} title={fullTime(entry.sentAt)} dateTime={new Date(entry.sentAt).toISOString()}>{clockTime(entry.sentAt)}</time>
            </div>
            <Context room={room} entry={entry} jump={jump} />
            <div id={`${id}-text`} class="said"><Said room={room} entry={entry} /></div>
            {isMessage && <Attachments room={room} entry={entry} attachments={attachmentsOf(entry)} />}
            {isMessage && entry.reactions.length > 0 && <Reactions room={room} entry={entry} />}
            {entry.inThread > 0 && (
              <button type="button" class="thread-link" onClick={() => (aside.value = { kind: "thread", room, root: entry.sequence })}>
                <Icon name="thread" small />{entry.inThread === 1 ? "1 reply" : `${entry.inThread} replies`}
              </button>
            )}
            {entry.problem !== undefined && <Problem chat={chat} room={room} entry={entry} />}
          </div>
          <div class="marks">
            {entry.isPinned && <span title="Pinned"><Icon name="pin" small /><span class="visually-hidden">pinned</span></span>}
            {isOwn && <Tick entry={entry} isRead={shape.isRead} room={room} />}
          </div>
          {(isOver || hasFocus) && isMessage && entry.gone === undefined && entry.sequence > 0 && <Tools room={room} entry={entry} />}
        </div>
      )}
    </div>
  );
}

/** What a message belongs to: the one that it answers, its thread, where it was said first. */
function Context({ room, entry, jump }: { room: Room; entry: Entry; jump: (sequence: number) => void }): JSX.Element | null {
  const { replyTo, thread, forwarded } = entry.attributes;
  if (entry.gone !== undefined) return null;
  return (
    <>
      {forwarded !== undefined && <div class="context"><Icon name="reply" small />Forwarded from <Name user={forwarded.sender} /></div>}
      {thread !== undefined && (
        <button type="button" class="context link" onClick={() => (aside.value = { kind: "thread", room, root: thread })}><Icon name="thread" small /><span>in a thread:</span> <Quote room={room} sequence={thread} isShort /></button>
      )}
      {replyTo !== undefined && <button type="button" class="quote" onClick={() => jump(replyTo)}><Quote room={room} sequence={replyTo} /></button>}
    </>
  );
}

function Said({ room, entry }: { room: Room; entry: Entry }): JSX.Element {
  const chat = useChat();
  const [isLong, setIsLong] = useState(false);
  if (entry.isHidden) {
    return (
      <span class="gone">Hidden by you <button type="button" class="link-button" onClick={() => void chat.client.hide(room.id, [entry.sequence], false).then(() => room.log.change(entry.sequence, (one) => ({ ...one, isHidden: false })))}>Show</button></span>
    );
  }

  if (entry.gone !== undefined) return <span class="gone">{entry.gone === "deleted" ? "Message deleted" : entry.gone === "expired" ? "Message expired" : "Message erased"}</span>;
  if (entry.kind === "unsupported") return <span class="gone">A message that this page cannot show</span>;
  // Empty lines before and behind say nothing; those between are the writer's.
  const text = (entry.text ?? "").replace(/^\s*\n|\s+$/g, "");
  const shown = isLong ? text : text.slice(0, cutOf(text));
  return (
    <>
      <MessageText text={shown} />
      {shown.length < text.length && <button type="button" class="link-button" onClick={() => setIsLong(true)}>… show all of it</button>}
      {entry.isEdited && <span class="edited"> (edited)</span>}
    </>
  );
}

/** Where a long text is cut off until somebody asks for the rest: by letters, or by lines. */
function cutOf(text: string): number {
  let end = 0;
  for (let lines = 0; lines < LINES_MAX; lines++) {
    const next = text.indexOf("\n", end);
    if (next < 0) return text.length <= LETTERS_MAX + LETTERS_MAX / 4 ? text.length : LETTERS_MAX;
    end = next + 1;
  }

  return Math.min(end, LETTERS_MAX);
}

function Reactions({ room, entry }: { room: Room; entry: Entry }): JSX.Element {
  const chat = useChat();
  return (
    <ul class="reactions" aria-label="Reactions">
      {entry.reactions.map((one) => (
        <li key={one.reaction}>
          <button type="button" class="reaction" aria-pressed={one.isOwn} aria-label={`${one.reaction}, ${one.count}${one.isOwn ? ", yours too" : ""}`} onClick={() => toggleReaction(chat, room, entry, one.reaction)}>
            <bdi>{one.reaction}</bdi><span>{one.count}</span>
          </button>
        </li>
      ))}
      <li>
        <button type="button" class="reaction add" aria-label="Add a reaction" title="Add a reaction" onClick={(event) => openReactionPicker(event.currentTarget, chat, room, entry)}><Icon name="smile" small /></button>
      </li>
    </ul>
  );
}

/** How far one's own message has come: on its way, on stable storage, read. */
function Tick({ entry, isRead, room }: { entry: Entry; isRead: boolean; room: Room }): JSX.Element | null {
  const chat = useChat();
  if (entry.gone !== undefined) return null;
  if (entry.delivery === "refused" || entry.delivery === "failed") return <span class="tick problem" title="Not sent"><Icon name="warn" small /><span class="visually-hidden">not sent</span></span>;
  if (entry.delivery !== "durable") return <span class="tick" title="On its way" data-state="sending"><Icon name="clock" small /><span class="visually-hidden">on its way</span></span>;
  if (!isRead) return <span class="tick" title="Stored" data-state="stored"><Icon name="check" small /><span class="visually-hidden">stored</span></span>;
  const readers = room.info.peek().kind === "direct" ? [] : room.readersOf(entry.sequence).map((user) => chat.people.of(user).peek().shown);
  return <span class="tick read" title={readers.length > 0 ? `Read by ${readers.slice(0, 8).join(", ")}${readers.length > 8 ? " …" : ""}` : "Read"} data-state="read"><Icon name="checks" small /><span class="visually-hidden">read</span></span>;
}

function Problem({ chat, room, entry }: { chat: Chat; room: Room; entry: Entry }): JSX.Element {
  return (
    <div class="not-sent" role="alert">
      <span>Not sent: {entry.problem}</span>
      <button type="button" class="link-button" onClick={() => chat.retry(room, entry)}>Try again</button>
      <button type="button" class="link-button" onClick={() => chat.discard(room, entry)}>Discard</button>
    </div>
  );
}

/** What can be done with a message, while the pointer or the focus is on it. */
function Tools({ room, entry }: { room: Room; entry: Entry }): JSX.Element {
  const chat = useChat();
  const more = useRef<HTMLButtonElement>(null);
  const canWrite = room.canWrite.value;
  return (
    <div class="tools" role="toolbar" aria-label="What to do with this message">
      {canWrite && QUICK_REACTIONS.slice(0, 3).map((reaction) => (
        <button type="button" class="tool emoji" key={reaction} aria-label={`React with ${reaction}`} onClick={() => toggleReaction(chat, room, entry, reaction)}>{reaction}</button>
      ))}
      {canWrite && <button type="button" class="tool" aria-label="Add a reaction" title="Add a reaction (+)" onClick={(event) => openReactionPicker(event.currentTarget, chat, room, entry)}><Icon name="smile" small /></button>}
      {canWrite && <button type="button" class="tool" aria-label="Reply" title="Reply (r)" onClick={() => startReply(room, entry)}><Icon name="reply" small /></button>}
      {entry.attributes.thread === undefined && (
        <button type="button" class="tool" aria-label="Open its thread" title="Thread (t)" onClick={() => (aside.value = { kind: "thread", room, root: entry.sequence })}><Icon name="thread" small /></button>
      )}
      {canWrite && entry.sender === chat.self && entry.attributes.forwarded === undefined && (
        <button type="button" class="tool" aria-label="Edit" title="Edit (e)" onClick={() => startEdit(room, entry)}><Icon name="edit" small /></button>
      )}
      <button
        type="button" class="tool" ref={more} aria-label="More" aria-haspopup="menu" title="More"
        onClick={() => openPopover(more.current!, (close) => <Menu label="Message" items={messageMenu(chat, room, entry)} close={close} />)}
      >
        <Icon name="more" small />
      </button>
    </div>
  );
}

