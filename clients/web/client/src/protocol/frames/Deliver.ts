import { CloseCode } from "../CloseCode.js";
import { readU32 } from "../encoding/Numbers.js";
import { readRecord, type MessageRecord } from "../MessageRecord.js";
import { readId, type ConversationId } from "../primitives/Ids.js";
import { ProtocolViolation } from "../ProtocolViolation.js";

/** Records of one conversation with consecutive sequences: a Deliver or a Chunk (protocol.md §4.4). */
export interface Deliver {
  readonly conversation: ConversationId;
  readonly epoch: number;
  readonly count: number;
  /** Records, back to back. */
  readonly records: Uint8Array;
}

/**
 * ```
 *  0              16      20      24
 * +--------------+-------+-------+-----------------------------+
 * | conversation | epoch | count | records (§5.1), back to back |
 * +--------------+-------+-------+-----------------------------+
 * ```
 * @throws ProtocolViolation when it cannot be read.
 */
export function readDeliver(body: Uint8Array): Deliver {
  const count = body.length > 24 ? readU32(body, 20) : 0;
  if (count === 0) {
    throw new ProtocolViolation(CloseCode.BadFrame, "a Deliver or Chunk cannot be read");
  }

  return { conversation: readId(body, 0), epoch: readU32(body, 16), count, records: body.subarray(24) };
}

/**
 * The records of a Deliver or Chunk: whole, undamaged, and of consecutive sequences.
 * @param next The first one's sequence; 0 = whichever.
 * @throws ProtocolViolation otherwise (protocol.md §6.3).
 */
export function readRun(deliver: Deliver, next: number): MessageRecord[] {
  const records: MessageRecord[] = [];
  let due = next;
  for (let at = 0; at < deliver.records.length; ) {
    const record = readRecord(deliver.records, at);
    if (record === undefined) {
      throw new ProtocolViolation(CloseCode.BadFrame, "a record cannot be read, or its checksum is wrong");
    }

    if (due !== 0 && record.sequence !== due) {
      throw new ProtocolViolation(CloseCode.BadFrame, `record ${record.sequence} of ${deliver.conversation} came where ${due} was due`);
    }

    due = record.sequence + 1;
    at += record.size;
    records.push(record);
  }

  if (records.length !== deliver.count) {
    throw new ProtocolViolation(CloseCode.BadFrame, `${deliver.count} records were announced and ${records.length} came`);
  }

  return records;
}
