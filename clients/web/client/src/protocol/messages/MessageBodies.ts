import { readU32, readU64, writeU32, writeU64, readI64 } from "../encoding/Numbers.js";
import { utf8Decode, utf8Encode } from "../encoding/Utf8.js";
import { readId, type UserId } from "../primitives/Ids.js";
import { isMessage, MessageKind } from "../primitives/MessageKind.js";
import { toTime } from "../primitives/Micros.js";
import { ROLES, type MemberRole } from "../primitives/Words.js";
import { ProtocolLimits } from "../ProtocolLimits.js";
import { readAttributes, type MessageAttributes } from "./MessageAttributes.js";

/** Bodies by their kinds (protocol.md §5.2). One that cannot be read says nothing: it is of a newer version. */

/** What an earlier message of the same sender says from here on. */
export interface EditBody {
  readonly target: number;
  readonly kind: MessageKind;
  readonly content: Uint8Array;
}

/** Text or bytes with attributes. */
export interface RichBody {
  readonly kind: MessageKind;
  readonly attributes: Uint8Array;
  readonly content: Uint8Array;
}

/** A reaction that is added, or taken back. */
export interface ReactionBody {
  readonly target: number;
  readonly isAdded: boolean;
  readonly reaction: string;
}

/** A message that is pinned, or no longer. */
export interface PinBody {
  readonly target: number;
  readonly isPinned: boolean;
}

/** What somebody is from here on. */
export interface MembershipBody {
  /** Whom it concerns; who did it is the record's sender. */
  readonly user: UserId;
  readonly role: MemberRole;
  /** The first sequence that they may read; 0 = all. */
  readonly visibleFrom: number;
  /** Until when they may not write. */
  readonly mutedUntil: number | undefined;
  /** What an invited person becomes when they accept. */
  readonly invitedAs: MemberRole | undefined;
  /** The record that made them a member, when it is not this one; 0 = it is. */
  readonly since: number;
}

export function readEdit(body: Uint8Array): EditBody | undefined {
  const target = targetOf(body, 9);
  return target === undefined || !isMessage(body[8]!) ? undefined : { target, kind: body[8]!, content: body.subarray(16) };
}

export function writeEdit(edit: EditBody): Uint8Array {
  const body = new Uint8Array(16 + edit.content.length);
  writeU64(body, 0, edit.target);
  body[8] = edit.kind;
  body.set(edit.content, 16);
  return body;
}

export function readRich(body: Uint8Array): RichBody | undefined {
  if (body.length < 8 || (body[4] !== MessageKind.Text && body[4] !== MessageKind.Opaque) || body[5] !== 0 || body[6] !== 0 || body[7] !== 0) {
    return undefined;
  }

  const size = readU32(body, 0);
  return size > ProtocolLimits.attributesSizeMax || size > body.length - 8
    ? undefined
    : { kind: body[4]!, attributes: body.subarray(8, 8 + size), content: body.subarray(8 + size) };
}

export function writeRich(rich: RichBody): Uint8Array {
  const body = new Uint8Array(8 + rich.attributes.length + rich.content.length);
  writeU32(body, 0, rich.attributes.length);
  body[4] = rich.kind;
  body.set(rich.attributes, 8);
  body.set(rich.content, 8 + rich.attributes.length);
  return body;
}

export function writeDelete(target: number): Uint8Array {
  const body = new Uint8Array(8);
  writeU64(body, 0, target);
  return body;
}

export function readReaction(body: Uint8Array): ReactionBody | undefined {
  const target = targetOf(body, 9);
  const op = body[8];
  const reaction = target === undefined ? undefined : utf8Decode(body.subarray(16));
  // eslint-disable-next-line no-control-regex
  return target === undefined || (op !== 1 && op !== 2) || !reaction || body.length > 16 + ProtocolLimits.reactionSizeMax || /[\u0000-\u001f]/.test(reaction)
    ? undefined
    : { target, isAdded: op === 1, reaction };
}

export function writeReaction(reaction: ReactionBody): Uint8Array {
  const text = utf8Encode(reaction.reaction);
  if (text === undefined || text.length === 0 || text.length > ProtocolLimits.reactionSizeMax) {
    throw new RangeError("a reaction has 1 to 64 bytes");
  }

  const body = new Uint8Array(16 + text.length);
  writeU64(body, 0, reaction.target);
  body[8] = reaction.isAdded ? 1 : 2;
  body.set(text, 16);
  return body;
}

export function readPin(body: Uint8Array): PinBody | undefined {
  const target = body.length === 16 ? targetOf(body, 9) : undefined;
  return target === undefined || (body[8] !== 1 && body[8] !== 2) ? undefined : { target, isPinned: body[8] === 1 };
}

export function writePin(pin: PinBody): Uint8Array {
  const body = new Uint8Array(16);
  writeU64(body, 0, pin.target);
  body[8] = pin.isPinned ? 1 : 2;
  return body;
}

export function readMembership(body: Uint8Array): MembershipBody | undefined {
  if (body.length < 24) {
    return undefined;
  }

  const role = ROLES[body[16]!] ?? (String(body[16]) as MemberRole);
  const hasMore = body.length >= 48;
  const held = hasMore ? readI64(body, 32) : 0;
  return {
    user: readId(body, 0),
    role,
    visibleFrom: hasMore ? readU64(body, 24) : 0,
    mutedUntil: role === "invited" ? undefined : toTime(held),
    invitedAs: role === "invited" ? (ROLES[held] ?? "member") : undefined,
    since: hasMore ? readU64(body, 40) : 0,
  };
}

/** The sequences that a record of kind 133 is about, ascending; undefined when it cannot be read. */
export function readErased(body: Uint8Array): number[] | undefined {
  const first = body.length > 8 && body.length <= 8 + 512 && (body[8]! & 1) === 1 && body[body.length - 1] !== 0 ? readU64(body, 0) : 0;
  if (!(first > 0)) {
    return undefined;
  }

  const sequences: number[] = [];
  for (let at = 8; at < body.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      if (body[at]! & (1 << bit)) {
        sequences.push(first + 8 * (at - 8) + bit);
      }
    }
  }

  return sequences;
}

/** The text of a message or an edit; undefined when it is none. */
export function textOf(kind: MessageKind, body: Uint8Array): string | undefined {
  if (kind === MessageKind.Text) {
    return utf8Decode(body);
  }

  const inner = kind === MessageKind.Edit ? readEdit(body) : kind === MessageKind.Rich ? readRich(body) : undefined;
  return inner && textOf(inner.kind, inner.content);
}

/** The attributes of a rich message, or of an edit into one; undefined when there are none. */
export function attributesOf(kind: MessageKind, body: Uint8Array): MessageAttributes | undefined {
  if (kind === MessageKind.Rich) {
    const rich = readRich(body);
    return rich && readAttributes(rich.attributes);
  }

  const edit = kind === MessageKind.Edit ? readEdit(body) : undefined;
  return edit && attributesOf(edit.kind, edit.content);
}

/** The earlier message that a record changes: of an edit, a deletion, an expiry, a reaction, a pin. */
export function targetOfRecord(kind: MessageKind, body: Uint8Array): number | undefined {
  switch (kind) {
    case MessageKind.Edit:
      return readEdit(body)?.target;
    case MessageKind.Reaction:
      return readReaction(body)?.target;
    case MessageKind.Pin:
      return readPin(body)?.target;
    case MessageKind.Delete:
    case MessageKind.Expired:
      const target = body.length === 8 ? readU64(body, 0) : 0;
      return target > 0 ? target : undefined;
    default:
      return undefined;
  }
}

/** The target of kinds 3, 5 and 6, whose head has 16 bytes with zeros from `zeroFrom` on. */
function targetOf(body: Uint8Array, zeroFrom: number): number | undefined {
  const target = body.length >= 16 ? readU64(body, 0) : 0;
  return target > 0 && body.subarray(zeroFrom, 16).every((byte) => byte === 0) ? target : undefined;
}
