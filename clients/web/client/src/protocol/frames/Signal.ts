import { beginFrame } from "../FrameWriter.js";
import { HEADER_SIZE } from "../FrameReader.js";
import { FrameType } from "../FrameType.js";
import { readU32 } from "../encoding/Numbers.js";
import { readId, writeHex, type ConversationId, type UserId } from "../primitives/Ids.js";
import { SIGNALS, type SignalKind } from "../primitives/Words.js";

/**
 * What the user does at this moment (protocol.md §4.9).
 *
 * ```
 *  0              16     17     20
 * +--------------+------+------+
 * | conversation | kind | zero |
 * +--------------+------+------+
 * ```
 */
export function writeSignal(conversation: ConversationId, kind: SignalKind): Uint8Array<ArrayBuffer> {
  const frame = beginFrame(FrameType.Signal, 0, 20);
  writeHex(frame, HEADER_SIZE, conversation);
  frame[HEADER_SIZE + 16] = SIGNALS.indexOf(kind);
  return frame;
}

/** What somebody else does. */
export interface RelayedSignal {
  readonly conversation: ConversationId;
  readonly user: UserId;
  /** Undefined for one of a later version. */
  readonly kind: SignalKind | undefined;
  readonly timeToLive: number;
}

/**
 * ```
 *  0              16        32     33     36                      40
 * +--------------+---------+------+------+-----------------------+
 * | conversation | user    | kind | zero | time to live ms   u32 |
 * +--------------+---------+------+------+-----------------------+
 * ```
 * Undefined when it cannot be read.
 */
export function readSignal(body: Uint8Array): RelayedSignal | undefined {
  return body.length >= 40 ? { conversation: readId(body, 0), user: readId(body, 16), kind: SIGNALS[body[32]!], timeToLive: readU32(body, 36) } : undefined;
}
