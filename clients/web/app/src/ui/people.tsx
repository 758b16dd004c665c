import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { Availability, UserId } from "@fastchat/client";
import type { Room } from "../model/Room.ts";
import { Icon } from "./icons.tsx";
import { shownLine } from "./safeText.ts";
import { useChat } from "./state.ts";

/** A hue for an id: the same person has the same colour everywhere. In OKLCH all hues are equally light, so that each can be read. */
export function hueOf(id: string): number {
  return (Number.parseInt(id.slice(-4), 16) * 137) % 360;
}

/** The first letters of a name, as whole characters. */
function initialsOf(name: string): string {
  const words = shownLine(name).split(/[\s._-]+/).filter((word) => word !== "");
  const letters = words.length > 1 ? [words[0], words[1]].map((word) => firstOf(word ?? "")) : [firstOf(words[0] ?? "?")];
  return letters.join("").toUpperCase();
}

const segmenter = "Segmenter" in Intl ? new Intl.Segmenter() : undefined;
function firstOf(word: string): string {
  const first = segmenter === undefined ? [...word][0] : segmenter.segment(word)[Symbol.iterator]().next().value?.segment;
  // A letter with a tower of accents is one character: what does not fit into a circle is cut off.
  return [...(first ?? "")].slice(0, 2).join("");
}

/** Somebody's name, drawn again by itself when it becomes known or changes. */
export function Name({ user }: { user: UserId }): JSX.Element {
  return <bdi class="name-text">{shownLine(useChat().people.shown(user))}</bdi>;
}

/** A name in the person's colour. */
export function ColoredName({ user }: { user: UserId }): JSX.Element {
  return <bdi class="name-text" style={{ color: `oklch(var(--name-lightness) 0.12 ${hueOf(user)})` }}>{shownLine(useChat().people.shown(user))}</bdi>;
}

export function Avatar({ user, size = "m" }: { user: UserId; size?: "s" | "m" | "l" }): JSX.Element {
  const name = useChat().people.shown(user);
  return <span class={`avatar ${size}`} style={{ backgroundColor: `oklch(var(--avatar-lightness) 0.1 ${hueOf(user)})` }} aria-hidden="true">{initialsOf(name)}</span>;
}

const WORDS: Record<Availability, string> = { online: "Online", away: "Away", dnd: "Do not disturb", invisible: "Invisible", offline: "Offline" };

export function availabilityWord(availability: Availability | undefined): string {
  return WORDS[availability ?? "offline"];
}

/** How somebody is there, as a dot with a word for those who do not see it. */
export function PresenceDot({ user }: { user: UserId }): JSX.Element | null {
  const availability = useChat().presence.availability(user);
  if (availability === undefined || availability === "offline") return null;
  return <span class={`presence ${availability}`} role="img" aria-label={availabilityWord(availability)} title={availabilityWord(availability)} />;
}

/** The picture of a room: the other one's for a direct conversation, a sign for the others. */
export function RoomIcon({ room }: { room: Room }): JSX.Element {
  const chat = useChat();
  const { kind, peer } = room.info.value;
  useEffect(() => {
    if (kind === "direct" && room.isMember) chat.presence.watch(room.id);
  }, [chat, room, kind]);
  if (kind === "direct" && peer !== undefined) {
    return <span class="room-icon"><Avatar user={peer} />{peer !== chat.self && <PresenceDot user={peer} />}</span>;
  }

  return (
    <span class="room-icon"><span class="avatar m square" style={{ color: `oklch(var(--name-lightness) 0.12 ${hueOf(room.id)})` }} aria-hidden="true">
      <Icon name={kind === "public" ? "hash" : kind === "channel" ? "megaphone" : "people"} />
    </span></span>
  );
}

/** What a room is called. */
export function RoomTitle({ room }: { room: Room }): JSX.Element {
  return <bdi class="name-text">{useRoomTitle(room)}</bdi>;
}

export function useRoomTitle(room: Room): string {
  const chat = useChat();
  const { kind, peer, title, name } = room.info.value;
  if (kind === "direct" && peer !== undefined) return peer === chat.self ? "Notes to yourself" : shownLine(chat.people.shown(peer));
  return shownLine(title ?? name ?? "Group");
}
