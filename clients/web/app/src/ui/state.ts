import { signal } from "@preact/signals";
import type { UserId } from "@fastchat/client";
import type { Chat } from "../model/Chat.ts";
import type { Entry } from "../model/Entry.ts";
import type { Room } from "../model/Room.ts";
import { createContext } from "preact";
import { useContext } from "preact/hooks";

/** What is open beside the conversation itself. */
export type Dialog =
  | { readonly kind: "newRoom" }
  | { readonly kind: "newDirect" }
  | { readonly kind: "switcher" }
  | { readonly kind: "shortcuts" }
  | { readonly kind: "settings"; readonly tab: "profile" | "devices" | "appearance" }
  | { readonly kind: "person"; readonly user: UserId }
  | { readonly kind: "addPeople"; readonly room: Room }
  | { readonly kind: "editRoom"; readonly room: Room }
  | { readonly kind: "invite"; readonly room: Room }
  | { readonly kind: "picture"; readonly url: string; readonly name: string }
  | { readonly kind: "confirm"; readonly title: string; readonly text: string; readonly action: string; readonly run: () => Promise<void> | void };

export type Aside = { readonly kind: "thread"; readonly room: Room; readonly root: number } | { readonly kind: "info"; readonly room: Room } | { readonly kind: "pins"; readonly room: Room };

export const dialog = signal<Dialog | undefined>(undefined);
export const aside = signal<Aside | undefined>(undefined);

/** What the composer does with what is written: answers a message, or changes one. */
export type Intent = { readonly kind: "reply" | "edit"; readonly room: Room; readonly entry: Entry };
export const intent = signal<Intent | undefined>(undefined);

/** A short word about what just happened. */
export const toast = signal<{ readonly text: string; readonly isProblem: boolean } | undefined>(undefined);
let toastTimer = 0;
export function say(text: string, isProblem = false): void {
  toast.value = { text, isProblem };
  clearTimeout(toastTimer);
  toastTimer = window.setTimeout(() => (toast.value = undefined), isProblem ? 6000 : 3500);
}

export const ChatContext = createContext<Chat | undefined>(undefined);

/** The signed-in user's chat. Only within what is shown when somebody is signed in. */
export function useChat(): Chat {
  const chat = useContext(ChatContext);
  if (chat === undefined) throw new Error("nobody is signed in");
  return chat;
}
