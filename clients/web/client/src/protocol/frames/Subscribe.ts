import { beginFrame, writeFrame } from "../FrameWriter.js";
import { HEADER_SIZE } from "../FrameReader.js";
import { FrameType } from "../FrameType.js";
import { readU32, readU64, writeU32, writeU64 } from "../encoding/Numbers.js";
import { fromHex, readId, writeHex, type ConversationId } from "../primitives/Ids.js";
import type { LogPosition } from "../primitives/LogPosition.js";

/**
 * ```
 *  0              16      20      24          32
 * +--------------+-------+-------+-----------+
 * | conversation | epoch | zero  | after u64 |
 * +--------------+-------+-------+-----------+
 * ```
 */
export function writeSubscribe(conversation: ConversationId, after: LogPosition, request: number): Uint8Array<ArrayBuffer> {
  const frame = beginFrame(FrameType.Subscribe, request, 32);
  writeHex(frame, HEADER_SIZE, conversation);
  writeU32(frame, HEADER_SIZE + 16, after.epoch);
  writeU64(frame, HEADER_SIZE + 24, after.sequence);
  return frame;
}

/** Unsubscribe has the conversation and nothing else. */
export function writeUnsubscribe(conversation: ConversationId, request: number): Uint8Array<ArrayBuffer> {
  return writeFrame(FrameType.Unsubscribe, request, fromHex(conversation));
}

/** The conversation of an Unsubscribed; undefined when it cannot be read. */
export function readUnsubscribed(body: Uint8Array): ConversationId | undefined {
  return body.length === 16 ? readId(body, 0) : undefined;
}

/** What the broker made of a Subscribe (protocol.md §6.2). */
export interface Subscribed {
  /** 0 RESUMED, 1 TRUNCATED, 2 EPOCH_CHANGED. */
  readonly status: number;
  readonly epoch: number;
  /** Sequence of the first record that will be delivered. */
  readonly first: number;
  readonly head: number;
}

/**
 * ```
 *  0        1       4       8            16           24
 * +--------+-------+-------+------------+------------+
 * | status | zero  | epoch | first u64  | head u64   |
 * +--------+-------+-------+------------+------------+
 * ```
 * Undefined when it cannot be read.
 */
export function readSubscribed(body: Uint8Array): Subscribed | undefined {
  if (body.length < 24 || body[0]! > 2) {
    return undefined;
  }

  const [first, head] = [readU64(body, 8), readU64(body, 16)];
  return Number.isNaN(first + head) ? undefined : { status: body[0]!, epoch: readU32(body, 4), first, head };
}
