import { effect, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { type ConversationId, RequestError } from "@fastchat/client";
import { watchIdle } from "../model/idle.ts";
import { explain } from "../model/problems.ts";
import { go, route, toConversation } from "../model/Route.ts";
import type { Room } from "../model/Room.ts";
import { AsidePane } from "./AsidePane.tsx";
import { ConnectionBanner } from "./ConnectionBanner.tsx";
import { Dialogs } from "./Dialogs.tsx";
import { Icon } from "./icons.tsx";
import { RoomPane } from "./RoomPane.tsx";
import { Sidebar } from "./Sidebar.tsx";
import { aside, dialog, intent, say, toast, useChat } from "./state.ts";

/** The whole page of somebody who is signed in. */
export function ChatPage(): JSX.Element {
  const chat = useChat();
  const room = useSignal<Room | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);

  // Where the address leads.
  useEffect(() => effect(() => {
    const place = route.value;
    problem.value = undefined;
    // An answer that comes when the user is elsewhere already changes nothing.
    const isHere = (): boolean => route.peek() === place;
    const failed = (error: unknown): void => {
      if (!isHere()) return;
      room.value = undefined;
      problem.value = explain(error);
    };
    if (place.page === "none") {
      room.value = undefined;
      return;
    }

    if (place.page === "conversation") {
      const id = place.conversation as ConversationId;
      const known = chat.rooms.get(id);
      if (known !== undefined) room.value = known;
      else void chat.find(id).then((found) => isHere() && (room.value = found), failed);
    } else if (place.page === "room") {
      void chat.client.resolveConversation(place.name).then((info) => isHere() && go(toConversation(chat.roomOf(info).id), { replace: true }), failed);
    } else {
      void followLink(place.link);
    }
  }), [chat]);

  // What belongs to another room goes with it.
  useEffect(() => effect(() => {
    const current = room.value;
    if (aside.peek() !== undefined && aside.peek()?.room !== current) aside.value = undefined;
    if (intent.peek() !== undefined && intent.peek()?.room !== current) intent.value = undefined;
  }), []);

  async function followLink(link: string): Promise<void> {
    try {
      const joined = await chat.client.joinByLink(link);
      chat.added(await chat.client.getConversation(joined.conversation));
      go(toConversation(joined.conversation), { replace: true });
      say(joined.isChanged ? "You joined." : "You are a member already.");
    } catch (error) {
      problem.value = error instanceof RequestError ? "This invitation is not valid any more." : explain(error);
    }
  }

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => globalKey(event, chat.order.peek(), room.peek());
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [chat]);

  useEffect(() => watchIdle(chat), [chat]);

  const hasRoom = room.value !== undefined || problem.value !== undefined;
  return (
    <div class="page" data-pane={hasRoom ? "room" : "list"} data-aside={aside.value !== undefined}>
      <a class="skip-link" href="#composer" onClick={(event) => { event.preventDefault(); document.getElementById("composer")?.focus(); }}>Skip to the message field</a>
      <Sidebar current={room.value} />
      <main class="main" aria-label="Conversation">
        <ConnectionBanner />
        {problem.value !== undefined ? <Problem text={problem.value} /> : room.value === undefined ? <Nothing /> : <RoomPane room={room.value} key={room.value.id} />}
      </main>
      <AsidePane />
      <Dialogs />
      <div class="toast-place" role="status" aria-live="polite">{toast.value !== undefined && <div class={toast.value.isProblem ? "toast problem" : "toast"}>{toast.value.text}</div>}</div>
    </div>
  );
}

function Problem({ text }: { text: string }): JSX.Element {
  return (
    <div class="empty">
      <Icon name="warn" />
      <h2>That did not work</h2>
      <p role="alert">{text}</p>
      <button type="button" class="button" onClick={() => go("#/")}>Back to the list</button>
    </div>
  );
}

/** Nothing is open: what one can do from here. */
function Nothing(): JSX.Element {
  const chat = useChat();
  const isFirst = chat.isLoaded.value && chat.order.value.length === 0;
  async function lobby(): Promise<void> {
    try {
      const info = await chat.client.resolveConversation("lobby", { create: true });
      if (info.role === "none") await chat.client.join(info.conversation);
      chat.added(await chat.client.getConversation(info.conversation));
      go(toConversation(info.conversation));
    } catch (error) {
      say(explain(error), true);
    }
  }

  return (
    <div class="empty">
      <span class="empty-mark" aria-hidden="true"><Icon name="thread" /></span>
      <h2>{isFirst ? "You are in" : "Nothing is open"}</h2>
      <p>{isFirst ? "Join the lobby to say hello, make a room of your own, or write to somebody you know." : "Choose a conversation from the list, or begin another one."}</p>
      <div class="empty-actions">
        {isFirst && <button type="button" class="button primary" onClick={() => void lobby()}>Join #lobby</button>}
        <button type="button" class={isFirst ? "button" : "button primary"} onClick={() => (dialog.value = { kind: "newDirect" })}>Write to somebody</button>
        <button type="button" class="button" onClick={() => (dialog.value = { kind: "newRoom" })}>Make or join a room</button>
      </div>
      <p class="hint"><kbd>?</kbd> shows what the keyboard can do</p>
    </div>
  );
}

/** Keys that work wherever one is. */
function globalKey(event: KeyboardEvent, order: readonly Room[], current: Room | undefined): void {
  if (event.defaultPrevented || dialog.peek() !== undefined) return;
  const isWriting = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLSelectElement;
  const isCommand = event.ctrlKey || event.metaKey;
  if (isCommand && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    dialog.value = { kind: "switcher" };
  } else if (event.altKey && !isCommand && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    const candidates = event.shiftKey ? order.filter((room) => room === current || room.unread.peek() > 0) : order;
    if (candidates.length === 0) return;
    const at = current === undefined ? -1 : candidates.indexOf(current);
    const next = candidates[(at + (event.key === "ArrowDown" ? 1 : -1) + candidates.length) % candidates.length];
    if (next !== undefined) go(toConversation(next.id));
  } else if (!isWriting && !isCommand && !event.altKey && event.key === "?") {
    event.preventDefault();
    dialog.value = { kind: "shortcuts" };
  } else if (event.key === "Escape" && aside.peek() !== undefined) {
    aside.value = undefined;
    document.getElementById("composer")?.focus();
  }
}
