import type { ChatMessage, ClientMessageId, MessageAttachment, MessageAttributes, MessageReaction, PublishState, UserId } from "@fastchat/client";
import type { LogEntry } from "../ui/LogView.tsx";

/** How far a message of one's own has come. Messages of others are always "durable". */
export type Delivery = PublishState | "uploading";

/**
 * What is drawn at a place of a log. Immutable: a change makes another object, so that whoever draws it sees by identity whether there is anything to do.
 */
export interface Entry extends LogEntry {
  readonly kind: "message" | "event" | "unsupported";
  readonly sender: UserId;
  /** When the broker got it, ms since 1970; information only. */
  readonly sentAt: number;
  /** What it says; undefined when it is no text or is gone. */
  readonly text: string | undefined;
  readonly attributes: MessageAttributes;
  readonly isEdited: boolean;
  /** Gone for everyone: deleted, expired or erased. */
  readonly gone: "deleted" | "expired" | "erased" | undefined;
  /** The user does not want to see it. */
  readonly isHidden: boolean;
  readonly isPinned: boolean;
  /** Messages in its thread. */
  readonly inThread: number;
  readonly reactions: readonly MessageReaction[];
  readonly delivery: Delivery;
  /** Why it was refused. */
  readonly problem: string | undefined;
  /** What came as the record, of events: who became what. */
  readonly record: ChatMessage | undefined;
  /** Its id, of one's own. */
  readonly clientMessageId: ClientMessageId | undefined;
}

export const NO_ATTRIBUTES: MessageAttributes = {};

/** The entry of a record that people or the broker wrote; null for one that only changes others. */
export function entryOf(record: ChatMessage): Entry | null {
  const isMessage = record.isMessage;
  // Edits, deletions, reactions, pins, expiries, erasures: seen at what they change.
  if (!isMessage && record.kind >= 3 && record.kind <= 6) return null;
  if (record.kind === 132 || record.kind === 133) return null;
  const isEvent = record.kind >= 128 && record.kind <= 131;
  return {
    key: record.clientMessageId !== NO_ID && isMessage ? `m${record.clientMessageId}` : `s${record.sequence}`,
    sequence: record.sequence,
    kind: isMessage ? (record.text === undefined && record.attributes?.attachments === undefined && !record.isErased ? "unsupported" : "message") : isEvent ? "event" : "unsupported",
    sender: record.sender,
    sentAt: record.sentAt,
    text: isMessage ? record.text : undefined,
    attributes: record.attributes ?? NO_ATTRIBUTES,
    isEdited: false,
    gone: record.isErased ? "deleted" : undefined,
    isHidden: false,
    isPinned: false,
    inThread: 0,
    reactions: [],
    delivery: "durable",
    problem: undefined,
    record: isEvent ? record : undefined,
    clientMessageId: isMessage ? record.clientMessageId : undefined,
  };
}

const NO_ID = "0".repeat(32);

/** The attachments of an entry; none of one that is gone. */
export function attachmentsOf(entry: Entry): readonly MessageAttachment[] {
  return entry.gone === undefined ? (entry.attributes.attachments ?? []) : [];
}

/** A reaction that somebody added or took back. */
export function withReaction(reactions: readonly MessageReaction[], reaction: string, isAdded: boolean, isOwn: boolean): readonly MessageReaction[] {
  const before = reactions.find((one) => one.reaction === reaction);
  if (isAdded) {
    if (before === undefined) return [...reactions, { reaction, count: 1, isOwn }];
    if (isOwn && before.isOwn) return reactions;
    return reactions.map((one) => (one === before ? { reaction, count: one.count + 1, isOwn: one.isOwn || isOwn } : one));
  }

  if (before === undefined || (isOwn && !before.isOwn)) return reactions;
  return before.count <= 1
    ? reactions.filter((one) => one !== before)
    : reactions.map((one) => (one === before ? { reaction, count: one.count - 1, isOwn: one.isOwn && !isOwn } : one));
}
