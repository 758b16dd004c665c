import { readI64, readU32 } from "../encoding/Numbers.js";
import { utf8Decode } from "../encoding/Utf8.js";
import { readId, type ConversationId, type UserId } from "../primitives/Ids.js";
import { toTime } from "../primitives/Micros.js";
import { AVAILABILITIES, type Availability } from "../primitives/Words.js";

/** How a Presence frame goes with what was known: entries replace those of the same people; everything is void; there are only numbers; the watch is over. */
export const PresenceShape = { Changes: 0, Restart: 1, Counts: 2, Ended: 3 } as const;

/** How somebody is seen. */
export interface PresenceEntryOnWire {
  readonly user: UserId;
  readonly availability: Availability;
  readonly lastSeen: number | undefined;
  readonly status: string;
}

/** Who of a conversation is there (protocol.md §4.9). */
export interface Presence {
  readonly conversation: ConversationId;
  readonly shape: number;
  readonly online: number;
  readonly members: number;
  readonly entries: readonly PresenceEntryOnWire[];
}

/**
 * ```
 *  0              16      17     20           24            28
 * +--------------+-------+------+------------+-------------+---------------------------+
 * | conversation | shape | zero | online u32 | members u32 | entries, back to back     |
 * +--------------+-------+------+------------+-------------+---------------------------+
 *
 *  0         16             17            18     20                28
 * +---------+--------------+-------------+------+-----------------+-----------------+
 * | user    | availability | status size | zero | last seen i64 µs| status, UTF-8   |
 * +---------+--------------+-------------+------+-----------------+-----------------+
 * ```
 * Undefined when it cannot be read: then it is of a later version.
 */
export function readPresence(body: Uint8Array): Presence | undefined {
  if (body.length < 28) {
    return undefined;
  }

  const entries: PresenceEntryOnWire[] = [];
  for (let at = 28; at < body.length; ) {
    const end = body.length - at < 28 ? Infinity : at + 28 + body[at + 17]!;
    const status = end <= body.length ? utf8Decode(body.subarray(at + 28, end)) : undefined;
    // One of a later version is somebody who is there.
    const availability = AVAILABILITIES[body[at + 16]!] ?? "online";
    const lastSeen = status === undefined ? NaN : readI64(body, at + 20);
    if (status === undefined || Number.isNaN(lastSeen)) {
      return undefined;
    }

    entries.push({ user: readId(body, at), availability, lastSeen: toTime(lastSeen), status });
    at = end;
  }

  return { conversation: readId(body, 0), shape: body[16]!, online: readU32(body, 20), members: readU32(body, 24), entries };
}
