/**
 * Ids. In the application they are text: 32 lower-case hexadecimal digits (64 for an attachment), so that they are keys of a Map, parts of an address and JSON without a conversion; on the wire 16 (32) bytes, most
 * significant first. Each kind is a type of its own, so that a user is not taken for a conversation.
 */

declare const kindOf: unique symbol;

/** A text that names one thing of a kind. */
export type Id<Kind extends string> = string & { readonly [kindOf]: Kind };

/** A conversation. */
export type ConversationId = Id<"conversation">;

/** A user. */
export type UserId = Id<"user">;

/** A message, as its publisher named it: the pair (device, client message id) names at most one message for ever (protocol.md §1.3). */
export type ClientMessageId = Id<"message">;

/** A session. */
export type SessionId = Id<"session">;

/** A join link, as it is called when it is revoked. */
export type JoinLinkId = Id<"link">;

/** The content of an attachment: its SHA-256. */
export type AttachmentId = Id<"attachment">;

/** A device's number: 64 bits, so it is a bigint. */
export type DeviceId = bigint;

const NONE = "0".repeat(32);

function checked<Kind extends string>(text: string, digits: number, what: string): Id<Kind> {
  if (text.length !== digits || !/^[0-9a-f]+$/.test(text)) {
    throw new TypeError(`'${text}' is no ${what}: ${digits} lower-case hexadecimal digits are expected`);
  }

  return text as Id<Kind>;
}

/** The conversation of this text, as it stands in an address. @throws TypeError when it is none. */
export function conversationId(text: string): ConversationId {
  return checked(text, 32, "conversation id");
}

/** The user of this text. @throws TypeError when it is none. */
export function userId(text: string): UserId {
  return checked(text, 32, "user id");
}

/** The message of this text. @throws TypeError when it is none. */
export function clientMessageId(text: string): ClientMessageId {
  return checked(text, 32, "client message id");
}

/** The attachment of this text. @throws TypeError when it is none. */
export function attachmentId(text: string): AttachmentId {
  return checked(text, 64, "attachment id");
}

/** True for the text of an id of 16 bytes. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text);
}

/** An id of 16 random bytes. */
export function randomId<T extends Id<string>>(): T {
  return readId<T>(crypto.getRandomValues(new Uint8Array(16)), 0);
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** The text of bytes. */
export function toHex(bytes: Uint8Array, offset = 0, size: number = bytes.length - offset): string {
  let text = "";
  for (let i = offset; i < offset + size; i++) {
    text += HEX[bytes[i]!]!;
  }

  return text;
}

/** The bytes of a text of hexadecimal digits. */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length >> 1);
  writeHex(bytes, 0, text);
  return bytes;
}

/** Writes the bytes of a text of hexadecimal digits. */
export function writeHex(target: Uint8Array, offset: number, text: string): void {
  for (let i = 0; i < text.length; i += 2) {
    target[offset + (i >> 1)] = (digit(text.charCodeAt(i)) << 4) | digit(text.charCodeAt(i + 1));
  }
}

/** The id in 16 bytes. */
export function readId<T extends Id<string>>(bytes: Uint8Array, offset: number): T {
  return toHex(bytes, offset, 16) as T;
}

/** True for the id that names nothing. */
export function isNone(id: string): boolean {
  return id === NONE;
}

function digit(code: number): number {
  // '0' to '9', or 'a' to 'f'.
  return code < 58 ? code - 48 : code - 87;
}
