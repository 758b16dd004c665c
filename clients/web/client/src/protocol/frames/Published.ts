import { readI64, readU32, readU64 } from "../encoding/Numbers.js";

/** The message is durable at (epoch, sequence) (protocol.md §4.3). */
export interface Published {
  readonly epoch: number;
  readonly durability: number;
  readonly isDuplicate: boolean;
  readonly sequence: number;
  readonly sentAt: number;
}

/**
 * ```
 *  0       4           5           6       8             16            24
 * +-------+-----------+-----------+-------+-------------+-------------+
 * | epoch | durability| duplicate | zero  | sequence u64| sent_at i64 |
 * +-------+-----------+-----------+-------+-------------+-------------+
 * ```
 * Undefined when it cannot be read.
 */
export function readPublished(body: Uint8Array): Published | undefined {
  if (body.length < 24) {
    return undefined;
  }

  const sequence = readU64(body, 8);
  const sentAt = readI64(body, 16) / 1000;
  return sequence > 0 && !Number.isNaN(sentAt)
    ? { epoch: readU32(body, 0), durability: body[4]!, isDuplicate: body[5] === 1, sequence, sentAt }
    : undefined;
}
