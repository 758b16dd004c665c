import { type Signal, signal } from "@preact/signals";
import type { Availability, ConversationId, FastChatClient, PresenceEntry, UserId } from "@fastchat/client";

/** Conversations that are watched at once; the broker allows 64. */
const WATCHED_MAX = 48;

export interface RoomPresence {
  readonly online: number;
  readonly members: number;
  /** False in a large room, where the broker tells numbers only. */
  readonly isByName: boolean;
}

const UNKNOWN: RoomPresence = { online: 0, members: 0, isByName: false };

/** Who is there: of the room that is open and of the direct conversations in the list. What is watched longest without being wanted goes first. */
export class Presence {
  readonly #client: FastChatClient;
  readonly #people = new Map<UserId, Signal<PresenceEntry | undefined>>();
  readonly #rooms = new Map<ConversationId, { abort: AbortController; state: Signal<RoomPresence> }>();

  constructor(client: FastChatClient) {
    this.#client = client;
  }

  of(user: UserId): Signal<PresenceEntry | undefined> {
    let entry = this.#people.get(user);
    if (entry === undefined) {
      entry = signal<PresenceEntry | undefined>(undefined);
      this.#people.set(user, entry);
    }

    return entry;
  }

  availability(user: UserId): Availability | undefined {
    return this.of(user).value?.availability;
  }

  /** Begins to watch a room, or goes on. */
  watch(conversation: ConversationId): Signal<RoomPresence> {
    const known = this.#rooms.get(conversation);
    if (known !== undefined) {
      // The most recently wanted ones are last.
      this.#rooms.delete(conversation);
      this.#rooms.set(conversation, known);
      return known.state;
    }

    const abort = new AbortController();
    const state = signal(UNKNOWN);
    this.#rooms.set(conversation, { abort, state });
    if (this.#rooms.size > WATCHED_MAX) {
      const oldest = this.#rooms.keys().next().value as ConversationId;
      this.#rooms.get(oldest)?.abort.abort();
      this.#rooms.delete(oldest);
    }

    void this.#follow(conversation, state, abort.signal);
    return state;
  }

  stop(): void {
    for (const room of this.#rooms.values()) room.abort.abort();
    this.#rooms.clear();
  }

  async #follow(conversation: ConversationId, state: Signal<RoomPresence>, ended: AbortSignal): Promise<void> {
    try {
      for await (const update of this.#client.watchPresence(conversation, { signal: ended })) {
        state.value = { online: update.online, members: update.members, isByName: update.entries !== undefined };
        for (const entry of update.entries ?? []) this.of(entry.user).value = entry;
      }
    } catch {
      // No member any more, too large a room, or signed out: nothing is known of it then.
    } finally {
      if (this.#rooms.get(conversation)?.state === state) this.#rooms.delete(conversation);
      state.value = UNKNOWN;
    }
  }
}
