import { beginFrame } from "../FrameWriter.js";
import { HEADER_SIZE } from "../FrameReader.js";
import { FrameType } from "../FrameType.js";
import { writeU32 } from "../encoding/Numbers.js";

/** So many more bytes of Deliver and Chunk frames are welcome (protocol.md §7.1). */
export function writeCredit(bytes: number): Uint8Array<ArrayBuffer> {
  const frame = beginFrame(FrameType.Credit, 0, 4);
  writeU32(frame, HEADER_SIZE, bytes);
  return frame;
}
