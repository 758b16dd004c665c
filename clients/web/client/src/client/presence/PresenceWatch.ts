import type { ControlMap } from "../../protocol/control/ControlMap.js";
import { PresenceShape, type Presence } from "../../protocol/frames/Presence.js";
import type { ConversationId, UserId } from "../../protocol/primitives/Ids.js";
import { toTime } from "../../protocol/primitives/Micros.js";
import type { Availability } from "../../protocol/primitives/Words.js";
import { AsyncSignal } from "../AsyncSignal.js";
import type { ClientError } from "../ClientError.js";
import type { PresenceEntry, PresenceUpdate } from "../Pages.js";

/** The reply of WatchPresence: who of the conversation is there. */
export interface PresenceSnapshot {
  readonly online: number;
  readonly members: number;
  /** Undefined in a conversation of more than 100. */
  readonly entries: readonly PresenceEntry[] | undefined;
}

export function parseSnapshot(map: ControlMap): PresenceSnapshot {
  return {
    online: map.number("online"),
    members: map.number("members"),
    entries:
      map.get("entries") === undefined
        ? undefined
        : map.maps("entries", (entry) => ({
            user: entry.id("user"),
            availability: (entry.text("availability") ?? "offline") as Availability,
            lastSeen: toTime(entry.number("last_seen")),
            status: entry.text("status") ?? "",
          })),
  };
}

/**
 * One conversation whose people the application watches. What the broker says is merged into one state, so that a consumer that is slow gets the latest and costs no more than the conversation has members. It outlives
 * connections: each begins with a snapshot.
 */
export class PresenceWatch {
  readonly news = new AsyncSignal();
  readonly #entries = new Map<UserId, PresenceEntry>();
  #isActive = false;
  #isNew = false;
  #isRestart = false;
  #isCounted = false;
  #online = 0;
  #members = 0;
  #end: { readonly error: ClientError | undefined } | undefined;

  constructor(readonly conversation: ConversationId) {}

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** The connection ended: what arrives before the next snapshot is not this watch's. */
  suspend(): void {
    this.#isActive = false;
  }

  onSnapshot(snapshot: PresenceSnapshot): void {
    this.#isActive = true;
    this.#restart(snapshot.entries === undefined);
    this.#merge(snapshot.entries ?? [], snapshot.online, snapshot.members);
  }

  onPresence(presence: Presence): void {
    if (!this.#isActive || presence.shape > PresenceShape.Ended) {
      return;
    }

    if (presence.shape === PresenceShape.Ended) {
      this.finish(undefined);
      return;
    }

    if (presence.shape !== PresenceShape.Changes) {
      this.#restart(presence.shape === PresenceShape.Counts);
    }

    this.#merge(presence.entries, presence.online, presence.members);
  }

  /** Nothing follows but what has not been taken. The first end counts. */
  finish(error: ClientError | undefined): void {
    this.#isActive = false;
    this.#end ??= { error };
    this.news.raise();
  }

  /** What is new since the last call; undefined when nothing is. @throws ClientError how it ended, behind everything else. */
  take(): PresenceUpdate | undefined {
    if (!this.#isNew) {
      if (this.#end?.error !== undefined) {
        throw this.#end.error;
      }

      return undefined;
    }

    const update = { isRestart: this.#isRestart, online: this.#online, members: this.#members, entries: this.#isCounted ? undefined : [...this.#entries.values()] };
    this.#isNew = false;
    this.#isRestart = false;
    this.#entries.clear();
    return update;
  }

  #restart(isCounted: boolean): void {
    this.#isCounted = isCounted;
    this.#isRestart = true;
    this.#entries.clear();
  }

  #merge(entries: readonly PresenceEntry[], online: number, members: number): void {
    for (const entry of entries) {
      this.#entries.set(entry.user, entry);
    }

    this.#online = online;
    this.#members = members;
    this.#isNew = true;
    this.news.raise();
  }
}
