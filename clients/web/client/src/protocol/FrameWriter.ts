import { writeU16, writeU24, writeU32 } from "./encoding/Numbers.js";
import { utf8Encode } from "./encoding/Utf8.js";
import type { CloseCode } from "./CloseCode.js";
import { FrameType } from "./FrameType.js";
import { HEADER_SIZE } from "./FrameReader.js";

/** A frame whose header is written, and whose body is zero. */
export function beginFrame(type: FrameType, request: number, bodySize: number): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(HEADER_SIZE + bodySize);
  writeU24(frame, 0, bodySize);
  frame[3] = type;
  writeU32(frame, 4, request);
  return frame;
}

/** A frame with this body. */
export function writeFrame(type: FrameType, request: number, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = beginFrame(type, request, body.length);
  frame.set(body, HEADER_SIZE);
  return frame;
}

/** A Close. */
export function writeClose(code: CloseCode, text: string): Uint8Array<ArrayBuffer> {
  const reason = utf8Encode(text)?.subarray(0, 512) ?? new Uint8Array();
  const frame = beginFrame(FrameType.Close, 0, 8 + reason.length);
  writeU16(frame, HEADER_SIZE, code);
  frame.set(reason, HEADER_SIZE + 8);
  return frame;
}
