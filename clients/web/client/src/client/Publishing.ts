import type { ClientMessageId, ConversationId, UserId } from "../protocol/primitives/Ids.js";
import type { LogPosition } from "../protocol/primitives/LogPosition.js";
import type { MessageAttributes } from "../protocol/messages/MessageAttributes.js";
import type { MessageKind } from "../protocol/primitives/MessageKind.js";
import type { ClientError } from "./ClientError.js";

/** Where a published message is, and how safe. */
export interface PublishReceipt extends LogPosition {
  /** 1 = on this broker's disk, 2 = stored by a majority of a cluster. */
  readonly durability: number;
  /** True when an earlier attempt had been stored; the place is that attempt's. */
  readonly isDuplicate: boolean;
  /** When the broker received this attempt. */
  readonly sentAt: number;
}

/** What a publish may add to its message. */
export interface PublishOptions {
  /** The message's own id, which makes the publish repeatable; absent = a random one. A device never uses an id for two messages. */
  readonly clientMessageId?: ClientMessageId;
  /** Whose message it is; absent = the signed-in user. Needs a right. */
  readonly onBehalfOf?: UserId;
  /** The head that the conversation must have; with another one the message is refused with CONFLICT, and its id is free. */
  readonly ifHead?: number;
  /** What the message says beside its content; a text or opaque message is published as a rich one then. */
  readonly attributes?: MessageAttributes;
}

/**
 * Where a publish stands.
 *
 * - `queued`: it waits in the send queue, and in the outbox when there is one;
 * - `sent`: it was given to the connection; when that breaks it goes back to `queued`, and is sent again with the same id;
 * - `durable`: it is on stable storage at its position;
 * - `refused`: the broker, or this client in its place, refused it;
 * - `failed`: the client ended before the outcome was known. With an outbox it is kept there and sent by the next client of the same device.
 */
export type PublishState = "queued" | "sent" | "durable" | "refused" | "failed";

/**
 * A publish under way. It can be awaited: then it gives the receipt, or throws why there is none. Who does not await it hears of it by {@link onState}, and no unhandled rejection comes of it.
 */
export interface Publishing extends PromiseLike<PublishReceipt> {
  readonly conversation: ConversationId;
  /** The message's own id: it is in the record that is delivered. */
  readonly id: ClientMessageId;
  readonly kind: MessageKind;
  readonly body: Uint8Array;
  readonly state: PublishState;
  /** When it is durable. */
  readonly receipt: PublishReceipt | undefined;
  /** When it is refused or failed. */
  readonly error: ClientError | undefined;

  /** Calls the handler with each state that follows. Returns what ends that. */
  onState(handler: (state: PublishState, publishing: Publishing) => void): () => void;
}
