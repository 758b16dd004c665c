import { readU16, readU32 } from "../encoding/Numbers.js";

/** The body of Error and Close (protocol.md §8, §9). */
export interface Failure {
  readonly code: number;
  /** A refusal of §7.4: it is to be repeated in its order. */
  readonly isInOrder: boolean;
  /** In ms; 0 = no time is named. */
  readonly retryAfter: number;
  readonly reason: string;
}

const DECODER = new TextDecoder();

/**
 * ```
 *  0       2      4                  8
 * +-------+------+------------------+---------------------+
 * | code  | flags| retry after (ms) | reason, UTF-8       |
 * +-------+------+------------------+---------------------+
 * ```
 * Undefined when it cannot be read.
 */
export function readFailure(body: Uint8Array): Failure | undefined {
  // The reason is for developers' eyes: ill-formed bytes in it are no reason not to know the code.
  return body.length < 8 ? undefined : { code: readU16(body, 0), isInOrder: (readU16(body, 2) & 1) !== 0, retryAfter: readU32(body, 4), reason: DECODER.decode(body.subarray(8)) };
}
