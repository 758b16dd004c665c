import type { UserId } from "@fastchat/client";
import type { Chat } from "../model/Chat.ts";
import type { Room } from "../model/Room.ts";

/** Somebody who can be mentioned. */
export interface Candidate {
  readonly name: string;
  readonly shown: string;
  /** Undefined: everyone. */
  readonly user: UserId | undefined;
}

const SHOWN_MAX = 8;
const MEMBERS_MAX = 2000;
const MEMBERS_FRESH = 60_000;
const EVERYONE = "everyone";

interface Known {
  readonly at: number;
  readonly members: Promise<ReadonlyMap<string, UserId>>;
}

const known = new WeakMap<Room, Known>();

/** The members of a room by their names in lower case, of large rooms the first ones. Asked for once a minute at the most. */
export function membersOf(chat: Chat, room: Room): Promise<ReadonlyMap<string, UserId>> {
  const before = known.get(room);
  if (before !== undefined && Date.now() - before.at < MEMBERS_FRESH) return before.members;
  const members = load(chat, room).catch(() => new Map<string, UserId>());
  known.set(room, { at: Date.now(), members });
  return members;
}

async function load(chat: Chat, room: Room): Promise<ReadonlyMap<string, UserId>> {
  const names = new Map<string, UserId>();
  if (!room.isMember) return names;
  let after: UserId | undefined;
  do {
    const page = await chat.client.listMembers(room.id, { after });
    for (const member of page.members) {
      names.set(member.name.toLowerCase(), member.user);
      if (page.members.length < 200) chat.people.learn(member.user, member.name);
    }

    after = page.next;
  } while (after !== undefined && names.size < MEMBERS_MAX);
  return names;
}

/** Whom somebody may mean who has typed so much of a name. */
export async function candidatesFor(chat: Chat, room: Room, query: string, canAll: boolean): Promise<Candidate[]> {
  const wanted = query.toLowerCase();
  const members = await membersOf(chat, room);
  const found: Candidate[] = [];
  const add = (user: UserId, name: string): void => {
    if (user === chat.self || found.some((one) => one.user === user)) return;
    const { shown } = chat.people.of(user).peek();
    if (name.startsWith(wanted) || shown.toLowerCase().startsWith(wanted)) found.push({ name: chat.people.of(user).peek().name || name, shown: shown || name, user });
  };
  for (const [name, user] of members) {
    if (found.length >= SHOWN_MAX) break;
    add(user, name);
  }

  // In an open room people write who are no members: those of whom something was seen are known by name.
  if (members.size === 0 || found.length < SHOWN_MAX / 2) {
    for (const person of chat.people.known()) {
      if (found.length >= SHOWN_MAX) break;
      add(person.user, person.name.toLowerCase());
    }
  }

  if (canAll && EVERYONE.startsWith(wanted)) found.push({ name: EVERYONE, shown: EVERYONE, user: undefined });
  return found;
}

/** Who is mentioned in a text: the names behind @ that are somebody's here. */
export async function mentionsIn(chat: Chat, room: Room, text: string): Promise<{ mentions: UserId[]; mentionsAll: boolean }> {
  const names = new Set([...text.matchAll(/(?:^|[\s([{])@([A-Za-z0-9][A-Za-z0-9._-]{0,63})/g)].map((match) => match[1]!.replace(/[._-]+$/, "").toLowerCase()));
  const members = await membersOf(chat, room);
  const seen = new Map(chat.people.known().map((person) => [person.name.toLowerCase(), person.user]));
  const mentions = [...names].map((name) => members.get(name) ?? seen.get(name)).filter((user) => user !== undefined);
  return { mentions: [...new Set(mentions)], mentionsAll: names.has(EVERYONE) };
}
