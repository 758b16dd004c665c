import { readI64, readU16, readU64, writeU16, writeU64 } from "../encoding/Numbers.js";
import { utf8Decode, utf8Encode, utf8Size } from "../encoding/Utf8.js";
import { isNone, readId, toHex, writeHex, type AttachmentId, type ConversationId, type UserId } from "../primitives/Ids.js";
import { toMicros } from "../primitives/Micros.js";
import { ProtocolLimits } from "../ProtocolLimits.js";

/** A content that a message refers to. */
export interface MessageAttachment {
  /** The SHA-256 of the content. */
  readonly id: AttachmentId;
  /** Bytes. */
  readonly size: number;
  /** What the sender calls it. Who makes a file of it takes care that the name does not lead it elsewhere. */
  readonly name: string;
  /** What the sender says it is; empty = not said. Nothing is shown because of it that would not be shown otherwise. */
  readonly mediaType: string;
}

/** Where a message was forwarded from; the broker's word, which nobody can write themselves. */
export interface ForwardedFrom {
  readonly conversation: ConversationId;
  readonly sequence: number;
  readonly sender: UserId;
  readonly sentAt: number;
}

/** What a message says beside its content (protocol.md §5.2). */
export interface MessageAttributes {
  /** Sequence of the message that it answers. */
  readonly replyTo?: number | undefined;
  /** Sequence of the message whose thread it belongs to. */
  readonly thread?: number | undefined;
  /** Who is mentioned, at most 50, each once. */
  readonly mentions?: readonly UserId[] | undefined;
  /** Everyone is mentioned; needs a right. */
  readonly mentionsAll?: boolean | undefined;
  /** Where it was forwarded from; only read, never written. */
  readonly forwarded?: ForwardedFrom | undefined;
  /** When it is deleted by itself. */
  readonly expires?: number | undefined;
  /** What is attached to it, at most 10, each content once. */
  readonly attachments?: readonly MessageAttachment[] | undefined;
  /** Attributes of clients' own, by type (128–255). */
  readonly own?: ReadonlyMap<number, Uint8Array> | undefined;
}

/** True for what an attachment may be called (protocol.md §5.2). */
export function isAttachmentName(name: string): boolean {
  const size = utf8Encode(name)?.length ?? 0;
  // eslint-disable-next-line no-control-regex
  return size >= 1 && size <= ProtocolLimits.attachmentNameSizeMax && !/[\u0000-\u001f\u007f]/.test(name);
}

/** True for what may stand as a media type: printable ASCII without spaces; empty = not said. */
export function isMediaType(mediaType: string): boolean {
  return mediaType.length <= ProtocolLimits.mediaTypeSizeMax && /^[\x21-\x7e]*$/.test(mediaType);
}

/** Reads attributes; undefined when they are ill-formed. Types of a later version are skipped. */
export function readAttributes(source: Uint8Array): MessageAttributes | undefined {
  const read: { -readonly [Key in keyof MessageAttributes]: MessageAttributes[Key] } = {};
  const mentions: UserId[] = [];
  const attachments: MessageAttachment[] = [];
  const own = new Map<number, Uint8Array>();
  const seen = new Set<number>();
  for (let at = 0; at < source.length; ) {
    const size = source.length - at < 4 ? Infinity : readU16(source, at + 2);
    if (size > source.length - at - 4 || source[at + 1] !== 0) {
      return undefined;
    }

    const type = source[at]!;
    const value = source.subarray(at + 4, at + 4 + size);
    at += 4 + size;
    if (type !== 3 && type !== 7) {
      if (seen.has(type)) {
        return undefined;
      }

      seen.add(type);
    }

    switch (type) {
      case 1:
      case 2:
        const sequence = size === 8 ? readU64(value, 0) : 0;
        if (!(sequence > 0)) return undefined;
        read[type === 1 ? "replyTo" : "thread"] = sequence;
        break;
      case 3:
        const user = size === 16 ? readId<UserId>(value, 0) : undefined;
        if (user === undefined || isNone(user) || mentions.includes(user) || mentions.length >= ProtocolLimits.mentionsMax) return undefined;
        mentions.push(user);
        break;
      case 4:
        if (size !== 0) return undefined;
        read.mentionsAll = true;
        break;
      case 5:
        if (size !== 48) return undefined;
        read.forwarded = { conversation: readId(value, 0), sequence: readU64(value, 16), sender: readId(value, 24), sentAt: readI64(value, 40) / 1000 };
        break;
      case 6:
        const expires = size === 8 ? readI64(value, 0) : 0;
        if (!(expires > 0)) return undefined;
        read.expires = expires / 1000;
        break;
      case 7:
        const attachment = readAttachment(value);
        if (attachment === undefined || attachments.length >= ProtocolLimits.attachmentsMax || attachments.some((one) => one.id === attachment.id)) return undefined;
        attachments.push(attachment);
        break;
      default:
        if (type >= 128) own.set(type, value);
        else if (type === 0) return undefined;
    }
  }

  if (mentions.length > 0) read.mentions = mentions;
  if (attachments.length > 0) read.attachments = attachments;
  if (own.size > 0) read.own = own;
  return read;
}

/** The bytes of attributes. @throws RangeError when they have no form. */
export function writeAttributes(attributes: MessageAttributes): Uint8Array {
  const parts: Uint8Array[] = [];
  const add = (type: number, size: number): Uint8Array => {
    const part = new Uint8Array(4 + size);
    part[0] = type;
    writeU16(part, 2, size);
    parts.push(part);
    return part;
  };
  if (attributes.replyTo !== undefined) writeU64(add(1, 8), 4, attributes.replyTo);
  if (attributes.thread !== undefined) writeU64(add(2, 8), 4, attributes.thread);
  for (const user of attributes.mentions ?? []) {
    writeHex(add(3, 16), 4, user);
  }

  if (attributes.mentionsAll) add(4, 0);
  if (attributes.expires !== undefined) writeU64(add(6, 8), 4, toMicros(attributes.expires));
  for (const attachment of attributes.attachments ?? []) {
    writeAttachment(add(7, attachmentSize(attachment)), attachment);
  }

  for (const [type, value] of [...(attributes.own ?? [])].sort(([a], [b]) => a - b)) {
    if (type < 128 || type > 255 || value.length > 0xffff) {
      throw new RangeError(`attributes of clients' own have types from 128 to 255 and at most 65,535 bytes: ${type}`);
    }

    add(type, value.length).set(value, 4);
  }

  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size > ProtocolLimits.attributesSizeMax) {
    throw new RangeError(`attributes have at most ${ProtocolLimits.attributesSizeMax} bytes, these have ${size}`);
  }

  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }

  return bytes;
}

function readAttachment(source: Uint8Array): MessageAttachment | undefined {
  const nameSize = source.length < 44 ? 0 : source[40]!;
  if (nameSize === 0 || nameSize > source.length - 44 || source[41] !== 0 || source[42] !== 0 || source[43] !== 0) {
    return undefined;
  }

  const name = utf8Decode(source.subarray(44, 44 + nameSize));
  const mediaType = utf8Decode(source.subarray(44 + nameSize));
  const size = readU64(source, 32);
  return name === undefined || mediaType === undefined || !isAttachmentName(name) || !isMediaType(mediaType) || Number.isNaN(size)
    ? undefined
    : { id: toHex(source, 0, 32) as AttachmentId, size, name, mediaType };
}

function attachmentSize(attachment: MessageAttachment): number {
  if (!isAttachmentName(attachment.name) || !isMediaType(attachment.mediaType)) {
    throw new RangeError("the name of an attachment has 1 to 255 bytes without control characters, its media type at most 127 of ASCII without spaces");
  }

  return 44 + utf8Size(attachment.name) + attachment.mediaType.length;
}

function writeAttachment(target: Uint8Array, attachment: MessageAttachment): void {
  writeHex(target, 4, attachment.id);
  writeU64(target, 36, attachment.size);
  const name = utf8Encode(attachment.name)!;
  target[44] = name.length;
  target.set(name, 48);
  target.set(utf8Encode(attachment.mediaType)!, 48 + name.length);
}
