/** Why a request failed (protocol.md §8). The connection lives. Numbers that are not here are of a later version. */
export const ErrorCode = {
  /** Never on the wire. */
  None: 0,
  /** A field is missing, has the wrong type or an impossible value; the reason says which. */
  BadRequest: 1,
  /** This broker does not know the frame type. */
  Unsupported: 2,
  /** The policy does not allow it. */
  Forbidden: 3,
  /** No such conversation, or none that this user may know of. */
  NoSuchConversation: 4,
  /** No such user. */
  NoSuchUser: 5,
  /** The name belongs to something else already. */
  NameTaken: 6,
  /** The name has characters or a length that names may not have. */
  NameInvalid: 7,
  /** The message body is larger than the broker's limit. */
  BodyTooLarge: 8,
  /** A text is not well-formed UTF-8. */
  InvalidText: 9,
  /** This client message id already names a message with another body. */
  IdConflict: 10,
  /** The position lies behind the conversation's head. */
  PositionAhead: 11,
  /** Subscribed to this conversation already. */
  AlreadySubscribed: 12,
  /** Not subscribed to this conversation. */
  NotSubscribed: 13,
  /** A limit on the number of things is reached; the reason says which. */
  TooMany: 14,
  /** Too busy: nothing was done. */
  Overloaded: 15,
  /** The store failed: nothing is accepted until the broker is restarted. */
  StoreUnavailable: 16,
  /** A defect of the broker; the outcome is unknown. */
  Internal: 17,
  /** A client may not publish this kind of message. */
  KindInvalid: 18,
  /** The disk has no room: nothing was done. */
  StoreFull: 19,
  /** Too much in too short a time. */
  RateLimited: 20,
  /** What the request was based on has changed, or is so already: nothing was done. */
  Conflict: 21,
  /** No message at that place that this can be done to, or that this user may see. */
  NoSuchMessage: 22,
  /** Over the size that the operator allows. */
  AttachmentTooLarge: 23,
  /** The user's quota has no room for it. */
  QuotaExceeded: 24,
  /** No such attachment, or no claim to it. */
  NoSuchAttachment: 25,
  /** The bytes are not what their hash, or checksum, says. */
  WrongContent: 26,
  /** The password, or the token, is not the right one. */
  WrongCredentials: 27,
  /** The user has no such device. */
  NoSuchDevice: 28,
  /** A password has 8–256 bytes. */
  PasswordInvalid: 29,
  /** What is to be a key, or the name of a certificate, is none. */
  KeyInvalid: 30,
  /** There is no archive that could be fetched. */
  NoSuchExport: 31,
  /** A password, or a proof of it, is not taken in this way. */
  MechanismRefused: 32,
  /** The keys of the person, or of the conversation, were destroyed. */
  KeysDestroyed: 33,
  /** There is no setting of that name, or its value makes no sense: nothing was changed. */
  SettingInvalid: 36,
} as const;

/** Why a request failed: one of {@link ErrorCode}, or a number of a later version. */
export type ErrorCode = number;

/** True when the same request may succeed later, unchanged. */
export function isRetryable(code: ErrorCode): boolean {
  return (
    code === ErrorCode.Overloaded || code === ErrorCode.StoreUnavailable || code === ErrorCode.Internal || code === ErrorCode.StoreFull || code === ErrorCode.RateLimited
  );
}

/** The name of a number in a table of names, or the number itself. */
export function nameOf(table: Readonly<Record<string, number>>, code: number): string {
  return Object.keys(table).find((name) => table[name] === code) ?? String(code);
}
