import { beginFrame } from "../FrameWriter.js";
import { HEADER_SIZE } from "../FrameReader.js";
import { FrameType } from "../FrameType.js";
import { readU32, readU64, writeU32, writeU64 } from "../encoding/Numbers.js";
import { writeHex, type ConversationId } from "../primitives/Ids.js";
import type { LogPosition } from "../primitives/LogPosition.js";

/** A page of history (protocol.md §4.5). */
export interface Fetch {
  readonly conversation: ConversationId;
  readonly position: LogPosition;
  /** The records behind the position; false = the last ones before it. */
  readonly isForward: boolean;
  /** 0 = the broker's maximum. */
  readonly countMax: number;
  /** 0 = the broker's maximum. */
  readonly bytesMax: number;
}

/**
 * ```
 *  0              16      20          21     24             32          36          40
 * +--------------+-------+-----------+------+--------------+-----------+-----------+
 * | conversation | epoch | direction | zero | position u64 | max count | max bytes |
 * +--------------+-------+-----------+------+--------------+-----------+-----------+
 * ```
 */
export function writeFetch(fetch: Fetch, request: number): Uint8Array<ArrayBuffer> {
  const frame = beginFrame(FrameType.Fetch, request, 40);
  writeHex(frame, HEADER_SIZE, fetch.conversation);
  writeU32(frame, HEADER_SIZE + 16, fetch.position.epoch);
  frame[HEADER_SIZE + 20] = fetch.isForward ? 0 : 1;
  writeU64(frame, HEADER_SIZE + 24, fetch.position.sequence);
  writeU32(frame, HEADER_SIZE + 32, fetch.countMax);
  writeU32(frame, HEADER_SIZE + 36, fetch.bytesMax);
  return frame;
}

/** The page is complete. */
export interface FetchEnd {
  readonly isComplete: boolean;
  readonly epoch: number;
  readonly count: number;
  readonly first: number;
  readonly last: number;
  readonly head: number;
}

/**
 * ```
 *  0          1      4       8       12     16          24         32         40
 * +----------+------+-------+-------+------+-----------+----------+----------+
 * | complete | zero | epoch | count | zero | first u64 | last u64 | head u64 |
 * +----------+------+-------+-------+------+-----------+----------+----------+
 * ```
 * Undefined when it cannot be read.
 */
export function readFetchEnd(body: Uint8Array): FetchEnd | undefined {
  if (body.length < 40) {
    return undefined;
  }

  const [first, last, head] = [readU64(body, 16), readU64(body, 24), readU64(body, 32)];
  return Number.isNaN(first + last + head) ? undefined : { isComplete: body[0] === 1, epoch: readU32(body, 4), count: readU32(body, 8), first, last, head };
}
