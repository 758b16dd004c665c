import { readU32, readU64 } from "../encoding/Numbers.js";
import { readId, type ConversationId } from "../primitives/Ids.js";

/** The session fell behind: from here delivery comes from the log (protocol.md §7.2). */
export interface Lag {
  readonly conversation: ConversationId;
  readonly epoch: number;
  /** The log was cut off before the subscription had come that far: what lies between will not come. */
  readonly isCut: boolean;
  readonly next: number;
  readonly head: number;
}

/**
 * ```
 *  0              16      20      24          32          40
 * +--------------+-------+-------+-----------+-----------+
 * | conversation | epoch | flags | next u64  | head u64  |
 * +--------------+-------+-------+-----------+-----------+
 * ```
 * Undefined when it cannot be read.
 */
export function readLag(body: Uint8Array): Lag | undefined {
  if (body.length < 40) {
    return undefined;
  }

  const lag = { conversation: readId<ConversationId>(body, 0), epoch: readU32(body, 16), isCut: (readU32(body, 20) & 1) !== 0, next: readU64(body, 24), head: readU64(body, 32) };
  return Number.isNaN(lag.next + lag.head) ? undefined : lag;
}
