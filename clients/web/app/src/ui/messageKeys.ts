import type { Chat } from "../model/Chat.ts";
import type { Entry } from "../model/Entry.ts";
import type { Room } from "../model/Room.ts";
import type { LogView } from "./LogView.tsx";
import { askDelete, canDelete, canEdit, openReactionPicker, startEdit, startReply } from "./messageActions.tsx";
import { aside } from "./state.ts";

/** Keys within the log: arrows pick a message, letters do something with the picked one, as in the chat of the terminal. */
export function messageKey(event: KeyboardEvent, view: LogView<Entry> | null, room: Room, chat: Chat): void {
  if (view === null || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as HTMLElement;
  const row = target.closest<HTMLElement>("[data-sequence]");
  const isOnRow = row === target;
  if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    // From something within a message to the message itself; from there to the next one.
    const next = row === null ? view.lastRowInView() : !isOnRow ? row : view.neighbour(row, event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
    if (next !== null) {
      next.focus({ preventScroll: true });
      next.scrollIntoView({ block: "nearest" });
    } else if (event.key === "ArrowDown") {
      document.getElementById("composer")?.focus();
    }

    return;
  }

  if (event.key === "Home") {
    event.preventDefault();
    view.jumpTo(room.log.first);
    return;
  }

  if (event.key === "End") {
    event.preventDefault();
    view.toEnd();
    return;
  }

  if (event.key === "PageUp" || event.key === "PageDown") {
    event.preventDefault();
    view.scrollByScreens(event.key === "PageUp" ? -0.9 : 0.9);
    return;
  }

  if (event.key === "Escape" && row !== null) {
    event.preventDefault();
    document.getElementById("composer")?.focus();
    return;
  }

  if (!isOnRow) return;
  const entry = room.log.at(Number(row.dataset["sequence"]));
  if (entry === null || entry === undefined || entry.kind !== "message" || entry.gone !== undefined) return;
  const canWrite = room.canWrite.peek();
  switch (event.key) {
    case "r":
      if (canWrite) startReply(room, entry);
      break;
    case "e":
      if (canEdit(chat, room, entry)) startEdit(room, entry);
      break;
    case "+":
      if (canWrite) openReactionPicker(row, chat, room, entry);
      break;
    case "t":
      aside.value = { kind: "thread", room, root: entry.attributes.thread ?? entry.sequence };
      break;
    case "d":
    case "Delete":
      if (canDelete(chat, room, entry)) askDelete(chat, room, entry);
      break;
    case "Enter":
      row.querySelector<HTMLElement>(".tools button:last-child")?.click();
      break;
    default:
      return;
  }

  event.preventDefault();
}
