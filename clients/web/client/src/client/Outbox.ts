import type { ClientMessageId, ConversationId, UserId } from "../protocol/primitives/Ids.js";
import type { MessageKind } from "../protocol/primitives/MessageKind.js";

/** A publish as it is kept. A plain object: stores keep it as it is. */
export interface OutboxEntry {
  /** The message's own id, given before the first send: a repeat is a duplicate and no second message. */
  readonly id: ClientMessageId;
  /** Entries go out in growing order. */
  readonly order: number;
  /** Whose it is: only this user's client sends it. */
  readonly user: UserId;
  readonly conversation: ConversationId;
  readonly kind: MessageKind;
  readonly body: Uint8Array;
  /** Whose message it is, when it is not the user's own. */
  readonly onBehalfOf?: UserId;
  /** The head that the conversation must have. */
  readonly ifHead?: number;
  /** When it was queued. */
  readonly queuedAt: number;
  /** The device on which it may have been sent, as decimal digits: the pair (device, id) names the message, so another device must not repeat it unasked. */
  readonly device?: string;
  /** Why the broker refused it; it stays until the application discards or retries it. */
  readonly refused?: { readonly code: number; readonly reason: string };
  /** Which program (tab) sends it. */
  readonly owner: string;
}

/**
 * Keeps what is to be sent where it survives the program: a page that is reloaded, a browser that is closed. One store serves several clients of a device at once (tabs); each sends its own entries, and takes over those of
 * clients that are gone.
 */
export interface OutboxStore {
  /** Who stands for this program: entries with another owner are another program's while that one {@link isAlive}. */
  readonly owner: string;

  /** Every entry of a user, in order. */
  load(user: UserId): Promise<OutboxEntry[]>;

  /** Adds or replaces entries. They are kept when the promise is fulfilled. */
  put(entries: readonly OutboxEntry[]): Promise<void>;

  /** Takes entries away. */
  remove(entries: readonly OutboxEntry[]): Promise<void>;

  /**
   * Takes over the entries of programs that are gone: no other program takes the same ones. Returns all that this program owns then, in order.
   */
  adopt(user: UserId): Promise<OutboxEntry[]>;

  /** Calls the handler when another program changed something. Returns what ends that. */
  onChange(handler: () => void): () => void;

  /** This program sends nothing any more: others may take its entries over. */
  close(): void;
}

/** What is in an outbox, for people: what waits, what was refused, and what another device may have sent. */
export interface OutboxItem extends OutboxEntry {
  /**
   * - `queued`: it is sent as soon as there is a connection, by this program or another tab;
   * - `refused`: the broker refused it;
   * - `unknown`: another device of the user may have sent it, before its sign-in ended. {@link Outbox.retry} sends it as a new message.
   */
  readonly state: "queued" | "refused" | "unknown";
}

/** What waits to be sent, over reloads. There is one when {@link ClientOptions.outbox} is given. */
export interface Outbox {
  /** All items of the signed-in user, in order. */
  list(): Promise<readonly OutboxItem[]>;

  /** Throws an item away. One that is under way may have been sent all the same. */
  discard(id: ClientMessageId): Promise<void>;

  /** Sends a refused or unknown item once more, behind everything that waits. */
  retry(id: ClientMessageId): Promise<void>;
}
