import { rankOf } from "@fastchat/client";
import type { Chat } from "../model/Chat.ts";
import type { Entry } from "../model/Entry.ts";
import { explain } from "../model/problems.ts";
import type { Room } from "../model/Room.ts";
import { toConversation } from "../model/Route.ts";
import { EmojiPicker } from "./EmojiPicker.tsx";
import { Icon } from "./icons.tsx";
import { type MenuItem, openPopover } from "./Popover.tsx";
import { aside, dialog, intent, say } from "./state.ts";

/** What people do with a message. What the broker refuses is said; what it takes comes back as a record. */
function report(outcome: PromiseLike<unknown>): void {
  outcome.then(undefined, (error: unknown) => say(explain(error), true));
}

export function toggleReaction(chat: Chat, room: Room, entry: Entry, reaction: string): void {
  const isOwn = entry.reactions.some((one) => one.reaction === reaction && one.isOwn);
  report(chat.client.react(room.id, entry.sequence, reaction, !isOwn));
}

export function openReactionPicker(anchor: HTMLElement, chat: Chat, room: Room, entry: Entry): void {
  openPopover(anchor, (close) => (
    <EmojiPicker
      allowsText choose={(reaction) => {
        close();
        toggleReaction(chat, room, entry, reaction);
      }}
    />
  ));
}

export function startReply(room: Room, entry: Entry): void {
  intent.value = { kind: "reply", room, entry };
  document.getElementById("composer")?.focus();
}

export function startEdit(room: Room, entry: Entry): void {
  intent.value = { kind: "edit", room, entry };
  document.getElementById("composer")?.focus();
}

export function canEdit(chat: Chat, room: Room, entry: Entry): boolean {
  return entry.sender === chat.self && entry.gone === undefined && entry.sequence > 0 && entry.kind === "message" && entry.attributes.forwarded === undefined && room.canWrite.peek();
}

export function canDelete(chat: Chat, room: Room, entry: Entry): boolean {
  return entry.gone === undefined && entry.sequence > 0 && (entry.sender === chat.self || rankOf(room.info.peek().role) >= rankOf("moderator"));
}

export function askDelete(chat: Chat, room: Room, entry: Entry): void {
  dialog.value = {
    kind: "confirm",
    title: "Delete this message?",
    text: "It is gone for everybody, and what was attached to it as well. Its place stays.",
    action: "Delete",
    run: () => report(chat.client.delete(room.id, entry.sequence)),
  };
}

export function messageMenu(chat: Chat, room: Room, entry: Entry): MenuItem[] {
  const items: MenuItem[] = [];
  if (canEdit(chat, room, entry)) items.push({ label: "Edit", icon: <Icon name="edit" small />, run: () => startEdit(room, entry) });
  if (entry.text !== undefined && entry.text !== "") items.push({ label: "Copy text", icon: <Icon name="copy" small />, run: () => copy(entry.text ?? "", "Copied.") });
  items.push({
    label: "Copy link",
    icon: <Icon name="link" small />,
    run: () => copy(new URL(toConversation(room.id, entry.sequence), location.href).href, "The link leads members here."),
  });
  if (room.canWrite.peek()) {
    items.push({ label: entry.isPinned ? "Unpin" : "Pin", icon: <Icon name="pin" small />, run: () => report(chat.client.pin(room.id, entry.sequence, !entry.isPinned)) });
  }

  items.push({ label: "Open its thread", icon: <Icon name="thread" small />, run: () => (aside.value = { kind: "thread", room, root: entry.attributes.thread ?? entry.sequence }) });
  items.push({
    label: "Hide for me",
    icon: <Icon name="close" small />,
    run: () => report(chat.client.hide(room.id, [entry.sequence], true).then(() => room.log.change(entry.sequence, (one) => ({ ...one, isHidden: true })))),
  });
  if (canDelete(chat, room, entry)) items.push({ label: "Delete", icon: <Icon name="trash" small />, isDangerous: true, run: () => askDelete(chat, room, entry) });
  return items;
}

export function copy(text: string, done: string): void {
  navigator.clipboard.writeText(text).then(() => say(done), () => say("The browser did not allow it.", true));
}

