import type { ConversationId } from "../protocol/primitives/Ids.js";
import type { LogPosition } from "../protocol/primitives/LogPosition.js";
import type { ChatMessage } from "./ChatMessage.js";
import type { ConnectionError, EpochChangedError, HistoryTruncatedError, PositionAheadError, RequestError } from "./ClientError.js";

/** How a subscription ended by itself. */
export type SubscriptionEnd =
  /** The user is no longer a member: the record that says so was the last one. */
  | { readonly reason: "removed" }
  /** The conversation was erased: it is not there any more. */
  | { readonly reason: "erased" }
  /** The log is not the one that was read: drop or re-read what is held, and subscribe again with the new epoch. */
  | { readonly reason: "epochChanged"; readonly error: EpochChangedError }
  /** Records behind the position are not there to read: subscribe again from `error.resumeAfter` to accept the gap. */
  | { readonly reason: "truncated"; readonly error: HistoryTruncatedError }
  /** The position is behind the head: it is none of this log. */
  | { readonly reason: "positionAhead"; readonly error: PositionAheadError }
  /** The broker refused the subscription. */
  | { readonly reason: "refused"; readonly error: RequestError }
  /** The client ended. */
  | { readonly reason: "clientEnded"; readonly error: ConnectionError };

/** Hears of a subscription. */
export interface SubscriptionHandler {
  /**
   * Records, in order, without a gap or a duplicate over any number of reconnects; as many at once as have come since the last frame of the screen. What it throws is reported to the platform as an uncaught error, and the
   * records count as processed. A promise that it returns holds back what follows: when much waits, the broker stops sending.
   */
  onMessages(messages: readonly ChatMessage[], subscription: ConversationSubscription): void | Promise<void>;

  /** The broker took the subscription, the first time or after a reconnect: what follows comes behind `position`, and the head is at `head` now. */
  onSubscribed?(position: LogPosition, head: number): void;

  /** The session fell behind; its messages come from the log now. Nothing needs to be done. */
  onLagged?(next: number, head: number): void;

  /** It has ended by itself, behind everything that was delivered. Not called after {@link ConversationSubscription.close}. */
  onEnd?(end: SubscriptionEnd): void;
}

/** A conversation that the application reads. */
export interface ConversationSubscription {
  readonly conversation: ConversationId;

  /** The last record that the handler was given, or where the subscription began: where to go on from another time. */
  readonly position: LogPosition;

  /** Stops. The handler is not called any more. */
  close(): void;
}

/** The same to be enumerated: one message after the other, or all that have come. It can be enumerated once. */
export interface ConversationReading extends AsyncIterable<ChatMessage> {
  readonly conversation: ConversationId;

  /** The last record that was taken. */
  readonly position: LogPosition;

  /** In arrays: all that have come since the last one was taken. */
  batches(): AsyncIterable<readonly ChatMessage[]>;
}
