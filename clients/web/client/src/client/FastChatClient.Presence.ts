import { ControlMap } from "../protocol/control/ControlMap.js";
import { FrameType } from "../protocol/FrameType.js";
import type { ConversationId } from "../protocol/primitives/Ids.js";
import { toMicros, toTime } from "../protocol/primitives/Micros.js";
import type { Availability, SignalKind } from "../protocol/primitives/Words.js";
import type { RequestOptions } from "./ClientCore.js";
import { PeopleRequests } from "./FastChatClient.People.js";
import type { PresenceSetting, PresenceUpdate } from "./Pages.js";

/** How the user is to be seen; what is absent stays as it is. */
export interface PresenceChange extends RequestOptions {
  /** On every device, until it is changed. */
  readonly availability?: Exclude<Availability, "offline">;
  /** A line of at most 128 bytes; empty takes it away. */
  readonly status?: string;
  /** When the line goes by itself, in ms; only with a line. */
  readonly statusUntil?: number;
  /** Nobody is at this device: when that is so of all, the user is away. It ends with the session and is not stored. */
  readonly isIdle?: boolean;
}

/** Presence and typing (protocol.md §4.9). Who types is told by the event "typing". */
export abstract class PresenceRequests extends PeopleRequests {
  /** Changes how the user is seen, and says how that is now. Durable when it returns. Asked again by itself when the connection breaks. */
  setPresence(change: PresenceChange): Promise<PresenceSetting> {
    const body = new ControlMap()
      .set("availability", change.availability)
      .set("status", change.status)
      .set("status_until", change.statusUntil === undefined ? undefined : toMicros(change.statusUntil))
      .set("idle", change.isIdle);
    return this.ask(
      FrameType.SetPresence,
      body,
      (reply) => ({
        availability: (reply.text("availability") ?? "online") as Availability,
        status: reply.text("status") ?? "",
        statusUntil: toTime(reply.number("status_until")),
      }),
      change,
    );
  }

  /**
   * Watches who of a conversation is there: first everybody, then what changes, for as long as the caller enumerates. After a reconnect everybody comes again, by itself. Who takes slowly gets the latest state and not every
   * one. A conversation can be watched once at a time by one client, and 64 of them at once. The stream ends without an error when the user is removed from the conversation, or the conversation has grown too large.
   * @throws RequestError FORBIDDEN, NO_SUCH_CONVERSATION, TOO_MANY.
   * @throws ConnectionError The client ended.
   */
  watchPresence(conversation: ConversationId, options: RequestOptions = {}): AsyncIterable<PresenceUpdate> {
    return this.session.watchPresence(conversation, options.signal);
  }

  /**
   * Says that the user types (or records, or stopped) in a conversation. To be called for every key: it sends at most one signal in five seconds, and none that would be late. Nothing comes back, and nothing of it is kept.
   */
  signalTyping(conversation: ConversationId, kind: SignalKind = "typing"): void {
    this.session.signalTyping(conversation, kind);
  }
}
