import { readU64 } from "../protocol/encoding/Numbers.js";
import { ControlFormatError, type ControlMap } from "../protocol/control/ControlMap.js";
import { parseConversationInfo, type ConversationInfo, type MemberInfo } from "../protocol/control/ConversationInfo.js";
import type { AccountInfo, DeviceInfo, ServiceInfo, SessionInfo } from "../protocol/control/DeviceInfo.js";
import type { BlockInfo, FoundUser } from "../protocol/control/Profile.js";
import { textOf } from "../protocol/messages/MessageBodies.js";
import { readId, type ClientMessageId, type ConversationId, type DeviceId, type UserId } from "../protocol/primitives/Ids.js";
import type { MessageKind } from "../protocol/primitives/MessageKind.js";
import { toTime } from "../protocol/primitives/Micros.js";
import type { Availability, MemberRole, SignalKind } from "../protocol/primitives/Words.js";
import type { ErrorCode } from "../protocol/ErrorCode.js";
import type { MessageAttachment } from "../protocol/messages/MessageAttributes.js";
import type { ChatMessage } from "./ChatMessage.js";

/** What requests give back. */

/** A page of the members of a conversation, ordered by id. It may be empty and not the last: what the user may not see is left out. */
export interface MemberPage {
  readonly members: readonly MemberInfo[];
  /** Where the next page begins, for `after`; undefined on the last page. */
  readonly next: UserId | undefined;
}

/** A page of conversations, ordered by id. */
export interface ConversationPage {
  readonly conversations: readonly ConversationInfo[];
  readonly next: ConversationId | undefined;
}

/** What a change did. */
export interface ChangeResult {
  /** False when it was so already. */
  readonly isChanged: boolean;
  /** The conversation's head behind the change, which is its record; 0 where none is named. */
  readonly sequence: number;
}

/** What adding members did. */
export interface MembersAdded {
  /** How many became members; those who were members already are passed over. */
  readonly added: number;
  readonly sequence: number;
}

/** A join link that was made: the only time that anybody sees it. */
export interface JoinLinkCreated {
  readonly link: string;
  readonly expires: number;
}

/** What following a join link did. */
export interface JoinedByLink extends ChangeResult {
  readonly conversation: ConversationId;
}

/** A page of a thread, or of the pinned messages, oldest first. */
export interface MessagePage {
  readonly messages: readonly ChatMessage[];
  /** True on the last page; otherwise go on after the last message. */
  readonly isComplete: boolean;
  readonly head: number;
}

/** What later records have made of a message (protocol.md §4.6, GetAnnotations). */
export interface MessageState {
  readonly sequence: number;
  /** The record that deleted it, or says that its time was over; 0 = it is there. */
  readonly deletedBy: number;
  /** The record that pinned it; 0 = it is not pinned. */
  readonly pinnedBy: number;
  /** How often it was edited. */
  readonly edits: number;
  /** The last edit; 0 = none. */
  readonly editedBy: number;
  /** What it says since the last edit, as text; undefined when it was not edited, or is no text. */
  readonly text: string | undefined;
  /** Kind and content since the last edit; undefined when it was not edited. */
  readonly edit: { readonly kind: MessageKind; readonly content: Uint8Array } | undefined;
  /** Messages that answer it. */
  readonly replies: number;
  /** Messages in its thread. */
  readonly inThread: number;
  /** Reactions, in the order in which they first came. */
  readonly reactions: readonly MessageReaction[];
}

/** A reaction to a message. */
export interface MessageReaction {
  readonly reaction: string;
  /** How many people's it is. */
  readonly count: number;
  /** True when the asking user is one of them. */
  readonly isOwn: boolean;
}

/** What became of the messages of a stretch of history, as it is at a head: what is behind it comes as records. */
export interface MessageStatePage {
  /** Those of which there is something to say, in ascending order. */
  readonly states: readonly MessageState[];
  readonly epoch: number;
  readonly head: number;
  /** Those that the asking user does not want to see, in ascending order. */
  readonly hidden: readonly number[];
  /** Where to go on; undefined when this was all. */
  readonly next: number | undefined;
}

export function parseMessageState(map: ControlMap): MessageState {
  const content = map.bytes("content");
  const kind = map.number("kind", 255);
  return {
    sequence: map.number("sequence"),
    deletedBy: map.number("deleted_by"),
    pinnedBy: map.number("pinned_by"),
    edits: map.number("edits"),
    editedBy: map.number("edited_by"),
    text: content && textOf(kind, content),
    edit: content && { kind, content },
    replies: map.number("replies"),
    inThread: map.number("in_thread"),
    reactions:
      map.get("reactions") === undefined
        ? []
        : map.maps("reactions", (one) => ({ reaction: one.text("reaction") ?? "", count: one.number("count"), isOwn: one.flag("own") })),
  };
}

/** A conversation in the user's list (protocol.md §4.6, GetInbox). */
export interface InboxEntry {
  readonly conversation: ConversationInfo;
  /** Messages of others that the user has not read. */
  readonly unread: number;
  /** True when there are more than were counted. */
  readonly hasMoreUnread: boolean;
  /** Mentions of the user, or of everyone, among them. */
  readonly mentions: number;
  /** Up to here the user has read, on any device. */
  readonly read: number;
  /** Up to here a device of the user has it. */
  readonly delivered: number;
  /** When something was said there last; undefined when nothing was. */
  readonly activity: number | undefined;
  /** The last message; undefined when there is none that the user may see. */
  readonly last: MessagePreview | undefined;
  /** Grows whenever a member comes further, as far as that is shown; in open conversations only with the user. */
  readonly receipts: number;
  /** How far the members have come, as far as that is shown; undefined when there are many of them, to be asked for ({@link FastChatClient.listCursors}). */
  readonly cursors: readonly MemberCursor[] | undefined;
}

/** Enough of a message to show it in a list. */
export interface MessagePreview {
  readonly sequence: number;
  readonly sender: UserId;
  readonly sentAt: number;
  readonly kind: MessageKind;
  /** The beginning of what it says, at most 256 bytes; undefined when it is no text, or was deleted. */
  readonly text: string | undefined;
  readonly isDeleted: boolean;
  /** True when the user did not want to see it when this was told; what has changed since is in {@link FastChatClient.listHidden}. */
  readonly isHidden: boolean;
}

/** How far a member has come. */
export interface MemberCursor {
  readonly user: UserId;
  /** Up to here a device of theirs has it. */
  readonly delivered: number;
  /** Up to here they have read, as far as they let others know. */
  readonly read: number;
}

/** What a device knows of a conversation: it was told this before. */
export interface KnownConversation {
  readonly conversation: ConversationId;
  readonly head: number;
  readonly read: number;
  readonly receipts: number;
}

/** What a device knows that was told this. */
export function knownOf(entry: InboxEntry): KnownConversation {
  return { conversation: entry.conversation.conversation, head: entry.conversation.head, read: entry.read, receipts: entry.receipts };
}

/** A page of the user's list, most recently active first; with what the device knows already, only what is different. */
export interface InboxPage {
  readonly entries: readonly InboxEntry[];
  /** Conversations that were known and are not the user's any more. */
  readonly gone: readonly ConversationId[];
  /** Conversations that there are. */
  readonly total: number;
  /** False: another epoch than the one named, so what is known was not looked at. */
  readonly isRecovered: boolean;
  readonly epoch: number;
  /** How often the user has changed what is hidden from them. */
  readonly hiddenVersion: number;
  /** For the next page; undefined on the last. */
  readonly next: Uint8Array | undefined;
}

/** Everything that is different in the user's list from what a device knows. */
export interface InboxChanges {
  readonly entries: readonly InboxEntry[];
  readonly gone: readonly ConversationId[];
  /** False: what was known is void, and everything came. */
  readonly isRecovered: boolean;
  readonly epoch: number;
  readonly hiddenVersion: number;
}

export function parseInboxEntry(map: ControlMap): InboxEntry {
  const last = map.map("last");
  return {
    conversation: parseConversationInfo(map),
    unread: map.number("unread"),
    hasMoreUnread: map.flag("unread_more"),
    mentions: map.number("mentions"),
    read: map.number("read"),
    delivered: map.number("delivered"),
    activity: toTime(map.number("activity")),
    last: last && {
      sequence: last.number("sequence"),
      sender: last.id("sender"),
      sentAt: last.number("sent_at") / 1000,
      kind: last.number("kind", 255),
      text: last.text("text"),
      isDeleted: last.flag("deleted"),
      isHidden: last.flag("hidden"),
    },
    receipts: map.number("receipts"),
    cursors: map.get("cursors") === undefined ? undefined : map.maps("cursors", parseCursor),
  };
}

export function parseCursor(map: ControlMap): MemberCursor {
  return { user: map.id("user"), delivered: map.number("delivered"), read: map.number("read") };
}

/** A page of the members' cursors, ordered by user. */
export interface CursorPage {
  readonly cursors: readonly MemberCursor[];
  readonly next: UserId | undefined;
}

/** A message that was scheduled. */
export interface ScheduledReceipt {
  /** Its client message id, by which it is changed and taken back. */
  readonly id: ClientMessageId;
  /** When it is published. */
  readonly at: number;
  /** Where it is, when it was published before the answer; undefined while it waits. */
  readonly sent: { readonly epoch: number; readonly sequence: number } | undefined;
}

/** A message that waits for its time, or was refused when it had come. */
export interface ScheduledMessage {
  readonly conversation: ConversationId;
  readonly id: ClientMessageId;
  readonly at: number;
  readonly kind: MessageKind;
  readonly body: Uint8Array;
  /** What it says; undefined when it is no text. */
  readonly text: string | undefined;
  /** Why it was not published; 0 while it waits. */
  readonly refused: ErrorCode;
}

/** A page of scheduled messages, by conversation and id. */
export interface ScheduledPage {
  readonly messages: readonly ScheduledMessage[];
  readonly next: Uint8Array | undefined;
}

/** A message that is hidden from the user. */
export interface HiddenMessage {
  readonly conversation: ConversationId;
  readonly sequence: number;
}

/** A page of what is hidden from the user, by conversation and sequence. */
export interface HiddenPage {
  readonly messages: readonly HiddenMessage[];
  /** How often the user has changed what is hidden. */
  readonly version: number;
  readonly next: Uint8Array | undefined;
}

/** A page of a search, ordered by id. */
export interface UserPage {
  readonly users: readonly FoundUser[];
  /** Go on after this user; undefined when there are no further ones. */
  readonly next: UserId | undefined;
  /** False when the user shares conversations with more people than the broker looks at: some were not considered. */
  readonly isComplete: boolean;
}

/** A page of those whom the user has blocked, ordered by id. */
export interface BlockPage {
  readonly blocks: readonly BlockInfo[];
  readonly next: UserId | undefined;
}

/** A page of devices, in the order of their numbers. */
export interface DevicePage {
  readonly devices: readonly DeviceInfo[];
  readonly next: DeviceId | undefined;
}

/** A page of accounts. */
export interface AccountPage {
  readonly users: readonly AccountInfo[];
  readonly next: UserId | undefined;
}

/** A page of sessions. */
export interface SessionPage {
  readonly sessions: readonly SessionInfo[];
  readonly next: SessionInfo["session"] | undefined;
}

/** A page of the accounts of programs. */
export interface ServicePage {
  readonly services: readonly ServiceInfo[];
  readonly next: UserId | undefined;
}

/** The account of a program that was just made. */
export interface ServiceCreated {
  readonly user: UserId;
  /** What it signs in with; the broker does not say it again. Secret. */
  readonly token: string;
}

/** How the user is to be seen. */
export interface PresenceSetting {
  readonly availability: Availability;
  /** The user's line; empty = none. */
  readonly status: string;
  /** When the line goes by itself; undefined = it stays. */
  readonly statusUntil: number | undefined;
}

/** How somebody is seen. */
export interface PresenceEntry {
  readonly user: UserId;
  readonly availability: Availability;
  /** When an offline member was last here, in whole minutes; undefined = unknown, or here. */
  readonly lastSeen: number | undefined;
  /** Their line; empty = none. */
  readonly status: string;
}

/** What a watch of a conversation's people brings: first everything, then what is different. It tells states and no events: what came and went in between is not told. */
export interface PresenceUpdate {
  /** Everything that was known before is void, as at the beginning and after a reconnect. */
  readonly isRestart: boolean;
  /** Members who are not offline. */
  readonly online: number;
  /** All members. */
  readonly members: number;
  /** People as they are now, to take the place of what was known of the same people; undefined in a large conversation, where there are only numbers. */
  readonly entries: readonly PresenceEntry[] | undefined;
}

/** Somebody begins to type or to record, or no longer does: also when nothing was heard for as long as the last signal was good for. */
export interface TypingNotice {
  readonly conversation: ConversationId;
  readonly user: UserId;
  readonly kind: SignalKind;
}

/** The session fell behind its budget on the broker: delivery comes from the log until it has caught up. Nothing is lost. */
export interface LagNotice {
  readonly conversation: ConversationId;
  /** Sequence of the next record that will be delivered. */
  readonly next: number;
  /** The head when the broker noticed. */
  readonly head: number;
}

/** A member has come further, or the user has on another device (protocol.md §4.7). */
export interface CursorNotice {
  readonly conversation: ConversationId;
  /** The thread's first message; 0 = the conversation itself. */
  readonly thread: number;
  readonly cursor: MemberCursor;
}

/** Something happened that no request asked about (protocol.md §4.7): a hint, the lists are the truth. */
export interface ClientNotice {
  /** "added", "invited", "removed", "erased", "profile", "blocks", "scheduled", "hidden", or an event of a newer broker. */
  readonly event: string;
  readonly conversation: ConversationId | undefined;
  /** The user concerned ("profile"). */
  readonly user: UserId | undefined;
  /** The version of the user's profile ("profile") or of what is hidden from them ("hidden"); 0 when none is named. */
  readonly version: number;
  /** The scheduled message concerned ("scheduled"). */
  readonly message: ClientMessageId | undefined;
  /** Why that message was not published when its time had come ("scheduled"); 0 when it was, when it waits, or was taken back. */
  readonly refused: ErrorCode;
}

/** A content that is on the broker, ready to be sent. */
export interface AttachmentUpload {
  /** What a message says of it, for {@link MessageAttributes.attachments}. */
  readonly attachment: MessageAttachment;
  /** Until when a message may refer to it; the broker removes it later when none has. */
  readonly expires: number;
}

/** How far an upload or a download is, in bytes. */
export interface AttachmentProgress {
  readonly done: number;
  readonly total: number;
}

/** What somebody uses of their quota. */
export interface AttachmentUsage {
  /** Bytes that they are charged for. */
  readonly used: number;
  /** Bytes that they may be charged for. */
  readonly quota: number;
  /** How many attachments that is. */
  readonly attachments: number;
  /** How many of those are under way. */
  readonly open: number;
  /** How many may be. */
  readonly openMax: number;
  /** Bytes that one attachment may have. */
  readonly sizeMax: number;
}

/** How the export of a person's data goes. */
export interface ExportStatus {
  readonly state: "none" | "running" | "ready" | "failed";
  /** Conversations that were looked through so far. */
  readonly looked: number;
  /** Records in the archive. */
  readonly records: number;
  /** Bytes of the archive; 0 while there is none. */
  readonly size: number;
  /** Its SHA-256, as 64 hexadecimal digits; undefined while there is none. */
  readonly hash: string | undefined;
  /** Until when it can be fetched. */
  readonly until: number | undefined;
  /** Why there is none; undefined when nothing failed. */
  readonly failure: string | undefined;
}

/** How the erasure of a person, or of a conversation, goes. */
export interface ErasureStatus {
  readonly state: "none" | "running" | "done";
  /** What is erased so far: messages and reactions of a person, records of a conversation. */
  readonly erased: number;
  /** True when backups that were taken before give nothing of it either. */
  readonly reachesBackups: boolean;
}

/** The u64s that bytes are made of. */
export function sequencesIn(bytes: Uint8Array | undefined, key: string): number[] {
  const source = bytes ?? new Uint8Array();
  if (source.length % 8 !== 0) {
    throw new ControlFormatError(`${key}: 8 bytes for each sequence are expected`);
  }

  return Array.from({ length: source.length / 8 }, (_, i) => readU64(source, 8 * i));
}

/** The ids that bytes are made of. */
export function idsIn(bytes: Uint8Array | undefined): ConversationId[] {
  const source = bytes ?? new Uint8Array();
  return Array.from({ length: source.length >> 4 }, (_, i) => readId<ConversationId>(source, 16 * i));
}

/** The hidden messages that bytes are made of. */
export function hiddenIn(bytes: Uint8Array | undefined): HiddenMessage[] {
  const source = bytes ?? new Uint8Array();
  if (source.length % 24 !== 0) {
    throw new ControlFormatError("hidden: 24 bytes for each message are expected");
  }

  return Array.from({ length: source.length / 24 }, (_, i) => ({ conversation: readId(source, 24 * i), sequence: readU64(source, 24 * i + 16) }));
}

/** What a role may be given as, when one is made or changed. */
export type GivenRole = Extract<MemberRole, "reader" | "member" | "moderator" | "admin" | "owner">;
