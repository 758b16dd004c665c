import { crc32c } from "./encoding/Crc32C.js";
import { readBigU64, readI64, readU32, readU64 } from "./encoding/Numbers.js";
import { readId, type ClientMessageId, type DeviceId, type UserId } from "./primitives/Ids.js";
import type { MessageKind } from "./primitives/MessageKind.js";

/** Bytes before the optional publisher and the body. */
export const RECORD_FIXED_SIZE = 68;

const ON_BEHALF = 1;
const ERASED = 2;

/**
 * A message as it is stored and as it travels (protocol.md §5.1).
 *
 * ```
 *  0        4        8                 16                24
 * +--------+--------+-----------------+-----------------+
 * | size   | crc32c | sequence u64    | sent_at i64 µs  |
 * +--------+--------+-----------------+-----------------+
 * 24                                  40                                  56
 * +-----------------------------------+-----------------------------------+
 * | sender (16)                       | client message id (16)            |
 * +-----------------------------------+-----------------------------------+
 * 56                64     65      66       68
 * +-----------------+------+-------+--------+---------------------+----------+
 * | device u64      | kind | flags | zero   | [publisher (16)]    | body     |
 * +-----------------+------+-------+--------+---------------------+----------+
 * ```
 */
export interface MessageRecord {
  readonly size: number;
  readonly sequence: number;
  /** In ms. */
  readonly sentAt: number;
  readonly sender: UserId;
  readonly clientMessageId: ClientMessageId;
  readonly device: DeviceId;
  readonly kind: MessageKind;
  readonly flags: number;
  readonly publisher: UserId;
  readonly isErased: boolean;
  /** A view of the bytes that the record was read from. */
  readonly body: Uint8Array;
}

/** Reads the record at a place; undefined when the bytes cannot be a record, or are not the ones that were written. */
export function readRecord(source: Uint8Array, at: number): MessageRecord | undefined {
  if (source.length - at < RECORD_FIXED_SIZE) {
    return undefined;
  }

  const size = readU32(source, at);
  const flags = source[at + 65]!;
  const bodyAt = (flags & ON_BEHALF) !== 0 ? RECORD_FIXED_SIZE + 16 : RECORD_FIXED_SIZE;
  if (size > source.length - at || size < bodyAt || crc32c(source, at + 8, at + size) !== readU32(source, at + 4)) {
    return undefined;
  }

  const sequence = readU64(source, at + 8);
  const sentAt = readI64(source, at + 16) / 1000;
  if (!(sequence > 0) || Number.isNaN(sentAt)) {
    return undefined;
  }

  const sender = readId<UserId>(source, at + 24);
  return {
    size,
    sequence,
    sentAt,
    sender,
    clientMessageId: readId(source, at + 40),
    device: readBigU64(source, at + 56),
    kind: source[at + 64]!,
    flags,
    publisher: bodyAt > RECORD_FIXED_SIZE ? readId(source, at + RECORD_FIXED_SIZE) : sender,
    isErased: (flags & ERASED) !== 0,
    body: source.subarray(at + bodyAt, at + size),
  };
}
