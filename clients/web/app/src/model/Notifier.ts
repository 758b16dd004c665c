import { effect } from "@preact/signals";
import type { ChatMessage } from "@fastchat/client";
import type { Chat } from "./Chat.ts";
import { toConversation } from "./Route.ts";
import type { Room } from "./Room.ts";
import { wantsNotifications } from "./Settings.ts";
import { shownText } from "../ui/safeText.ts";

const BRAND = document.title;
/** A burst becomes one notification for each room. */
const PAUSE = 1500;

/** Tells a user who does not look: the number in the title always, a notification of the system where they allowed it. Only what is for them: mentions and direct messages. */
export class Notifier {
  readonly #chat: Chat;
  readonly #lastOf = new Map<Room, number>();
  readonly #endTitle: () => void;

  constructor(chat: Chat) {
    this.#chat = chat;
    this.#endTitle = effect(() => {
      const mentions = chat.mentions.value;
      const unread = chat.unread.value;
      document.title = mentions > 0 ? `(${mentions}) ${BRAND}` : unread > 0 ? `• ${BRAND}` : BRAND;
    });
  }

  messageCame(room: Room, message: ChatMessage, isMention: boolean): void {
    const isForUser = isMention || room.info.peek().kind === "direct";
    if (!isForUser || !wantsNotifications.peek() || !("Notification" in window) || Notification.permission !== "granted") return;
    if (document.visibilityState === "visible" && document.hasFocus()) return;
    const now = Date.now();
    if (now - (this.#lastOf.get(room) ?? 0) < PAUSE) return;
    this.#lastOf.set(room, now);
    const notification = new Notification(this.#chat.people.shown(message.sender), { body: shownText(message.text ?? "").slice(0, 200), tag: room.id });
    notification.onclick = () => {
      window.focus();
      location.hash = toConversation(room.id, message.sequence);
      notification.close();
    };
  }

  /** Asks the browser, and the user. True when notifications may be shown. */
  static async ask(): Promise<boolean> {
    if (!("Notification" in window)) return false;
    return (Notification.permission === "default" ? await Notification.requestPermission() : Notification.permission) === "granted";
  }

  stop(): void {
    this.#endTitle();
    document.title = BRAND;
  }
}
