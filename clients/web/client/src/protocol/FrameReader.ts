import { readU24, readU32 } from "./encoding/Numbers.js";
import { CloseCode } from "./CloseCode.js";
import type { FrameType } from "./FrameType.js";
import { ProtocolViolation } from "./ProtocolViolation.js";

/** Bytes of a frame's header (protocol.md §2.1). */
export const HEADER_SIZE = 8;

/** A frame: its body is a view of what was received. */
export interface Frame {
  readonly type: FrameType;
  /** The request number; 0 = none. */
  readonly request: number;
  readonly body: Uint8Array;
}

/**
 * Cuts frames from a byte stream (protocol.md §2.1). The borders of what is pushed carry no meaning; as a rule they are those of frames, and then nothing is copied. A length over the limit is refused on sight of the header.
 */
export class FrameReader {
  /** What was received of a frame that is not whole, in the parts that it came in: joined once, when it is. */
  #parts: Uint8Array[] = [];
  #size = 0;
  readonly #bodySizeMax: number;

  /** @param bodySizeMax The longest body that this side accepts. */
  constructor(bodySizeMax: number) {
    this.#bodySizeMax = bodySizeMax;
  }

  /** Bytes of a frame that is not whole yet. */
  get pending(): number {
    return this.#size;
  }

  /** Takes bytes, and gives the frames that are whole with them, one after the other. @throws ProtocolViolation when no frame can begin like this. */
  *push(received: Uint8Array): Generator<Frame, void, undefined> {
    let bytes = received;
    if (this.#size > 0) {
      this.#parts.push(received);
      this.#size += received.length;
      if (this.#size < HEADER_SIZE + (this.#needed() ?? 0)) {
        return;
      }

      bytes = this.#join();
    }

    let at = 0;
    for (;;) {
      const length = bytes.length - at < HEADER_SIZE ? undefined : this.#lengthAt(bytes, at);
      if (length === undefined || bytes.length - at < HEADER_SIZE + length) {
        break;
      }

      const start = at + HEADER_SIZE;
      at = start + length;
      yield { type: bytes[start - 5]!, request: readU32(bytes, start - 4), body: bytes.subarray(start, at) };
    }

    if (at < bytes.length) {
      this.#parts = [bytes.subarray(at)];
      this.#size = bytes.length - at;
    }
  }

  /** The length of the body of the frame that is being received; undefined while its header is not whole. */
  #needed(): number | undefined {
    if (this.#size < HEADER_SIZE) {
      return undefined;
    }

    if (this.#parts[0]!.length < HEADER_SIZE) {
      const joined = this.#join();
      this.#parts = [joined];
      this.#size = joined.length;
    }

    return this.#lengthAt(this.#parts[0]!, 0);
  }

  #lengthAt(bytes: Uint8Array, at: number): number {
    if (bytes[at + 3] === 0) {
      throw new ProtocolViolation(CloseCode.BadFrame, "a frame of type 0 came");
    }

    const length = readU24(bytes, at);
    if (length > this.#bodySizeMax) {
      throw new ProtocolViolation(CloseCode.FrameTooLarge, `a frame of ${length} bytes came, the limit is ${this.#bodySizeMax}`);
    }

    return length;
  }

  #join(): Uint8Array {
    const joined = join(this.#parts, this.#size);
    this.#parts = [];
    this.#size = 0;
    return joined;
  }
}

/** Parts behind one another. */
export function join(parts: readonly Uint8Array[], size: number = parts.reduce((sum, part) => sum + part.length, 0)): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }

  return joined;
}
