import { CloseCode } from "../protocol/CloseCode.js";
import { ErrorCode, isRetryable, nameOf } from "../protocol/ErrorCode.js";
import type { ConversationId } from "../protocol/primitives/Ids.js";
import type { LogPosition } from "../protocol/primitives/LogPosition.js";
import type { CloseReason } from "./ConnectionState.js";

/** What every failure of a client derives from. */
export abstract class ClientError extends Error {
  /** Whom it hurts: one request, and the client goes on; or the connection or the client. */
  abstract readonly scope: "request" | "connection";

  /** The number on the wire, an {@link ErrorCode} or a {@link CloseCode} by the scope; 0 when there was none. */
  abstract readonly code: number;

  /** True when the same thing may succeed later, unchanged. */
  abstract readonly isRetryable: boolean;

  /** After how many ms to try again; 0 = nobody named a time. */
  readonly retryAfter: number = 0;
}

/** The broker answered a request with an error (protocol.md §8), or the client refused it for the reason the broker would have. */
export class RequestError extends ClientError {
  override readonly name: string = "RequestError";
  readonly scope = "request";
  override readonly retryAfter: number;

  constructor(
    /** Why: one of {@link ErrorCode}. */
    readonly code: ErrorCode,
    /** The broker's sentence, for developers. */
    readonly reason: string,
    retryAfter = 0,
  ) {
    super(`${nameOf(ErrorCode, code)} (${code}): ${reason}`);
    this.retryAfter = retryAfter;
  }

  get isRetryable(): boolean {
    return isRetryable(this.code);
  }
}

/**
 * Too much in too short a time: a publish where slow mode is on (protocol.md §5.3), or what else the broker limits. Nothing was done; the same request may succeed after {@link ClientError.retryAfter}. The client does not
 * wait by itself: by then people may not want to say it any more.
 */
export class RateLimitedError extends RequestError {
  override readonly name: string = "RateLimitedError";

  constructor(reason: string, retryAfter: number) {
    super(ErrorCode.RateLimited, reason, retryAfter);
  }
}

/**
 * The connection ended before the answer came, or the client ended. The outcome of what was asked is unknown, except for a publish, whose outcome is learned by publishing it again with the same client message id.
 */
export class ConnectionError extends ClientError {
  override readonly name = "ConnectionError";
  readonly scope = "connection";
  override readonly retryAfter: number;

  constructor(
    /** Why the connection ended. */
    readonly close: CloseReason,
    /** True when the client has ended; false when it is coming back by itself. */
    readonly isFinal: boolean,
  ) {
    super(isFinal ? `the client ended: ${close}` : `the connection ended before the answer came: ${close}`, { cause: close.cause });
    this.retryAfter = close.retryAfter;
  }

  /** The close code; {@link CloseCode.None} when there was none. */
  get code(): CloseCode {
    return this.close.code;
  }

  get isRetryable(): boolean {
    return !this.isFinal || this.close.advice !== "never";
  }
}

/**
 * The conversation's log is another incarnation than the one that was read: records behind {@link head} may be gone and their numbers given to others (protocol.md §6.2). The reader tells its user, drops or re-reads what
 * it holds, and reads on from a position of the new epoch.
 */
export class EpochChangedError extends ClientError {
  override readonly name = "EpochChangedError";
  readonly scope = "request";
  readonly code = 0;
  readonly isRetryable = false;

  constructor(
    readonly conversation: ConversationId,
    /** The last position that was read, of the old epoch. */
    readonly position: LogPosition,
    /** The epoch now. */
    readonly epoch: number,
    /** The head now. */
    readonly head: number,
  ) {
    super(`conversation ${conversation}: read up to ${position.epoch}:${position.sequence}, but the log is epoch ${epoch} now, up to ${head}`);
  }
}

/**
 * Records between the reader's position and {@link first} are no longer kept, or not for this user to read (protocol.md §6.2). Reading on from {@link resumeAfter} accepts the gap.
 */
export class HistoryTruncatedError extends ClientError {
  override readonly name = "HistoryTruncatedError";
  readonly scope = "request";
  readonly code = 0;
  readonly isRetryable = false;

  constructor(
    readonly conversation: ConversationId,
    /** The last position that was read. */
    readonly position: LogPosition,
    epoch: number,
    /** Sequence of the oldest record that there is to read. */
    readonly first: number,
    /** The head now. */
    readonly head: number,
  ) {
    super(`conversation ${conversation}: read up to ${position.epoch}:${position.sequence}, but the oldest record to read is ${first}`);
    this.resumeAfter = { epoch, sequence: first - 1 };
  }

  /** Where to read on: before the oldest record that there is to read. */
  readonly resumeAfter: LogPosition;
}

/** The position is behind the conversation's head: it is none of this log (protocol.md §6.2, POSITION_AHEAD). */
export class PositionAheadError extends RequestError {
  override readonly name = "PositionAheadError";

  constructor(
    readonly conversation: ConversationId,
    readonly position: LogPosition,
    reason: string,
  ) {
    super(ErrorCode.PositionAhead, reason);
  }
}

/** There is no room for another publish: too many bytes, or entries of the outbox, wait for their answer. Nothing was queued. */
export class QueueFullError extends ClientError {
  override readonly name = "QueueFullError";
  readonly scope = "request";
  readonly code = 0;
  readonly isRetryable = true;
}

/** The application threw the publish away ({@link Outbox.discard}). One that was under way may have been sent all the same. */
export class DiscardedError extends ClientError {
  override readonly name = "DiscardedError";
  readonly scope = "request";
  readonly code = 0;
  readonly isRetryable = false;
}

/** What came is not what its hash says: it is not to be used. */
export class ContentError extends ClientError {
  override readonly name = "ContentError";
  readonly scope = "request";
  readonly code = 0;
  readonly isRetryable = true;
}
