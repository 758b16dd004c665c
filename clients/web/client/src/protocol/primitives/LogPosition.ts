/**
 * A place in a conversation's log: the record with this sequence, in this incarnation of the log.
 *
 * Sequences are numbers of JavaScript: exact up to 2⁵³ − 1, which a conversation that gets a million messages a second reaches after 285 years. A frame that names a greater one is refused as unreadable.
 */
export interface LogPosition {
  /** Incarnation of the log, from 1; 0 = whichever is current. */
  readonly epoch: number;
  /** Number of the record, from 1; 0 = before the first. */
  readonly sequence: number;
}

/** True for what can stand as a position in a frame. */
export function isPosition({ epoch, sequence }: LogPosition): boolean {
  return Number.isInteger(epoch) && epoch >= 0 && epoch <= 0xffff_ffff && (sequence === Infinity || (Number.isSafeInteger(sequence) && sequence >= 0));
}

/** Before the first record. */
export const START: LogPosition = { epoch: 0, sequence: 0 };

/** Behind the last record, whichever it is: greater than every sequence, and 2⁶⁴ − 1 on the wire. */
export const LATEST: LogPosition = { epoch: 0, sequence: Infinity };
