import { beginFrame } from "../FrameWriter.js";
import { HEADER_SIZE } from "../FrameReader.js";
import { FrameType } from "../FrameType.js";
import { writeU64 } from "../encoding/Numbers.js";
import { writeHex, type ClientMessageId, type ConversationId, type UserId } from "../primitives/Ids.js";
import type { MessageKind } from "../primitives/MessageKind.js";

/** A message to be posted. */
export interface Publish {
  readonly conversation: ConversationId;
  readonly id: ClientMessageId;
  readonly kind: MessageKind;
  readonly onBehalfOf?: UserId | undefined;
  readonly ifHead?: number | undefined;
  readonly body: Uint8Array;
}

const FIXED_SIZE = 36;

/** Bytes of its frame, header included. */
export function publishSize(publish: Publish): number {
  return HEADER_SIZE + FIXED_SIZE + (publish.onBehalfOf === undefined ? 0 : 16) + (publish.ifHead === undefined ? 0 : 8) + publish.body.length;
}

/**
 * Its frame (protocol.md §4.2).
 *
 * ```
 *  0              16                  32     33      34       36
 * +--------------+-------------------+------+-------+--------+-----------------------+---------------+--------+
 * | conversation | client message id | kind | flags | zero   | [on behalf of (16)]   | [if head u64] | body   |
 * +--------------+-------------------+------+-------+--------+-----------------------+---------------+--------+
 * ```
 */
export function writePublish(publish: Publish, request: number): Uint8Array<ArrayBuffer> {
  const frame = beginFrame(FrameType.Publish, request, publishSize(publish) - HEADER_SIZE);
  writeHex(frame, HEADER_SIZE, publish.conversation);
  writeHex(frame, HEADER_SIZE + 16, publish.id);
  frame[HEADER_SIZE + 32] = publish.kind;
  let at = HEADER_SIZE + FIXED_SIZE;
  if (publish.onBehalfOf !== undefined) {
    frame[HEADER_SIZE + 33]! |= 1;
    writeHex(frame, at, publish.onBehalfOf);
    at += 16;
  }

  if (publish.ifHead !== undefined) {
    frame[HEADER_SIZE + 33]! |= 2;
    writeU64(frame, at, publish.ifHead);
    at += 8;
  }

  frame.set(publish.body, at);
  return frame;
}
