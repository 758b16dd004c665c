import { adviceOf, CloseCode, nameOfClose, type ReconnectAdvice } from "../protocol/CloseCode.js";
import { ProtocolViolation } from "../protocol/ProtocolViolation.js";

/** Where a client stands: connecting, signed in, waiting before it tries again, or ended for good. */
export type ConnectionPhase = "connecting" | "connected" | "waiting" | "closed";

/** Why a connection ended. */
export class CloseReason {
  constructor(
    /** The close code; {@link CloseCode.None} when the connection broke, or could not be made, without a Close. */
    readonly code: CloseCode,
    /** For a developer's eyes. */
    readonly text: string,
    /** After how many ms the broker asked to be called again; 0 = it named no time. */
    readonly retryAfter = 0,
    /** Whose word it is: true when this client closed, so the code says what the broker did wrong and not what the client should do. */
    readonly isLocal = false,
    /** What failed on this side; undefined when the broker closed. */
    readonly cause: unknown = undefined,
    /** This side cannot go on, whatever the code says. */
    readonly isFatal = false,
  ) {}

  /** What to do next. A connection that broke without a word is taken up again. */
  get advice(): ReconnectAdvice {
    return this.isFatal ? "never" : this.isLocal || this.code === CloseCode.None ? "now" : adviceOf(this.code);
  }

  toString(): string {
    return this.code === CloseCode.None ? this.text : `${nameOfClose(this.code)} (${this.code}): ${this.text}`;
  }
}

/** The application is done with the client. */
export function stoppedReason(): CloseReason {
  return new CloseReason(CloseCode.Normal, "the application closed the client", 0, true);
}

/** What a failure on this side, or on the way, means for a connection. */
export function reasonOf(failure: unknown): CloseReason {
  return failure instanceof CloseReason
    ? failure
    : failure instanceof ProtocolViolation
      ? new CloseReason(failure.code, failure.message, 0, true, failure)
      : new CloseReason(CloseCode.None, failure instanceof Error ? failure.message : String(failure), 0, false, failure);
}

/** A client's state. */
export interface ConnectionState {
  readonly phase: ConnectionPhase;
  /** Why the last connection ended; undefined before the first one did. */
  readonly lastClose: CloseReason | undefined;
  /** Attempts in a row since the last stable connection. */
  readonly attempts: number;
  /** While waiting: when the next attempt begins, as `Date.now()` counts. */
  readonly nextAttemptAt?: number;
}
