/** What a message's body is (protocol.md §5.2). Numbers that are not here are of a later version: shown as "unsupported message". */
export const MessageKind = {
  /** Text. */
  Text: 1,
  /** Bytes that only clients understand. */
  Opaque: 2,
  /** What an earlier message of the same sender says from here on. */
  Edit: 3,
  /** An earlier message is gone for everyone. */
  Delete: 4,
  /** A reaction to an earlier message is added, or taken back. */
  Reaction: 5,
  /** An earlier message is pinned, or no longer. */
  Pin: 6,
  /** Text or bytes with attributes: a reply, mentions, attachments … */
  Rich: 7,
  /** The broker's: somebody is a member from here on. */
  MemberAdded: 128,
  /** The broker's: somebody is a member no longer. */
  MemberRemoved: 129,
  /** The broker's: another role, a mute, an invitation. */
  MemberChanged: 130,
  /** The broker's: title, topic … changed. */
  ConversationChanged: 131,
  /** The broker's: the time of an earlier message is over. */
  Expired: 132,
  /** The broker's: the bodies of somebody's messages are gone, because they were erased. */
  Erased: 133,
} as const;

/** What a message's body is. */
export type MessageKind = number;

/** True for what people say: a text, an opaque or a rich message. */
export function isMessage(kind: MessageKind): boolean {
  return kind === MessageKind.Text || kind === MessageKind.Opaque || kind === MessageKind.Rich;
}
