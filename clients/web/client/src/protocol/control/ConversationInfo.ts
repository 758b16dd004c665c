import type { ControlMap } from "./ControlMap.js";
import type { ConversationId, UserId } from "../primitives/Ids.js";
import { toTime } from "../primitives/Micros.js";
import type { ConversationKind, HistoryVisibility, MemberRole } from "../primitives/Words.js";

/** A conversation as it is described to the asking user (protocol.md §4.6). */
export interface ConversationInfo {
  /** Its id. */
  readonly conversation: ConversationId;
  /** What it is. */
  readonly kind: ConversationKind;
  /** Its name without the leading #; undefined for a conversation without one. */
  readonly name: string | undefined;
  /** What people call it. */
  readonly title: string | undefined;
  /** What it is about. */
  readonly topic: string | undefined;
  /** What names its picture, as those who set it wrote it: an address, say. */
  readonly avatar: string | undefined;
  /** True when nobody writes there any more. */
  readonly isArchived: boolean;
  /** Seconds that a member waits between two messages; 0 = none. */
  readonly slowModeSeconds: number;
  /** How much of the past new members may read. */
  readonly history: HistoryVisibility;
  /** For how many seconds it keeps its messages; 0 = as long as the broker does. */
  readonly retentionSeconds: number;
  /** How many bytes of its newest records it keeps; 0 = as many as the broker does. */
  readonly retentionBytes: number;
  /** The first record that the log has: what was before it is not kept any more. */
  readonly first: number;
  /** The other one of a direct conversation; oneself in notes to oneself. */
  readonly peer: UserId | undefined;
  /** The asking user's role. */
  readonly role: MemberRole;
  /** Until when the asking user may not write; undefined when they may. */
  readonly mutedUntil: number | undefined;
  /** The first sequence that the asking user may read. */
  readonly visibleFrom: number;
  /** The log's epoch. */
  readonly epoch: number;
  /** The log's durable head. */
  readonly head: number;
  /** True when this request made it. */
  readonly isCreated: boolean;
}

export function parseConversationInfo(map: ControlMap): ConversationInfo {
  return {
    conversation: map.id("conversation"),
    kind: (map.text("kind") ?? "group") as ConversationKind,
    name: map.text("name"),
    title: map.text("title"),
    topic: map.text("topic"),
    avatar: map.text("avatar"),
    isArchived: map.flag("archived"),
    slowModeSeconds: map.number("slow_mode"),
    history: (map.text("history") ?? "all") as HistoryVisibility,
    retentionSeconds: map.number("retention_seconds"),
    retentionBytes: map.number("retention_bytes"),
    first: map.number("first") || 1,
    peer: map.optionalId("peer"),
    role: (map.text("role") ?? "none") as MemberRole,
    mutedUntil: toTime(map.number("muted_until")),
    visibleFrom: map.number("visible_from") || 1,
    epoch: map.number("epoch"),
    head: map.number("head"),
    isCreated: map.flag("created"),
  };
}

/** What ChangeConversation, and a new conversation, can set; what is absent stays as it is, an empty text takes its field away. */
export interface ConversationChanges {
  readonly title?: string;
  readonly topic?: string;
  readonly avatar?: string;
  readonly isArchived?: boolean;
  /** Seconds that a member waits between two messages; 0 = none. */
  readonly slowModeSeconds?: number;
  readonly history?: HistoryVisibility;
  /** For how many seconds it keeps its messages, up to a hundred years; 0 = as long as the broker does. Owners. */
  readonly retentionSeconds?: number;
  /** How many bytes of its newest records it keeps; 0 = as many as the broker does. Owners. */
  readonly retentionBytes?: number;
}

export function writeChanges(map: ControlMap, changes: ConversationChanges): ControlMap {
  return map
    .set("title", changes.title)
    .set("topic", changes.topic)
    .set("avatar", changes.avatar)
    .set("archived", changes.isArchived)
    .set("slow_mode", changes.slowModeSeconds)
    .set("history", changes.history)
    .set("retention_seconds", changes.retentionSeconds)
    .set("retention_bytes", changes.retentionBytes);
}

/** What a record of kind 131 says: the fields that changed. An unreadable one says nothing. */
export function parseChanges(map: ControlMap): ConversationChanges {
  const changes: { -readonly [Key in keyof ConversationChanges]: ConversationChanges[Key] } = {};
  const [title, topic, avatar, history] = [map.text("title"), map.text("topic"), map.text("avatar"), map.text("history")];
  if (title !== undefined) changes.title = title;
  if (topic !== undefined) changes.topic = topic;
  if (avatar !== undefined) changes.avatar = avatar;
  if (history !== undefined) changes.history = history as HistoryVisibility;
  if (map.get("archived") !== undefined) changes.isArchived = map.flag("archived");
  if (map.get("slow_mode") !== undefined) changes.slowModeSeconds = map.number("slow_mode");
  if (map.get("retention_seconds") !== undefined) changes.retentionSeconds = map.number("retention_seconds");
  if (map.get("retention_bytes") !== undefined) changes.retentionBytes = map.number("retention_bytes");
  return changes;
}

/** A member as ListMembers describes them. */
export interface MemberInfo {
  readonly user: UserId;
  readonly name: string;
  readonly role: MemberRole;
  /** Sequence of the record that made them what they are; 0 for those of the beginning. */
  readonly since: number;
  /** Until when they may not write; undefined when they may. */
  readonly mutedUntil: number | undefined;
}

export function parseMemberInfo(map: ControlMap): MemberInfo {
  return {
    user: map.id("user"),
    name: map.text("name") ?? "",
    role: (map.text("role") ?? "none") as MemberRole,
    since: map.number("since"),
    mutedUntil: toTime(map.number("muted_until")),
  };
}

/** A user as ResolveUsers describes them. */
export interface UserInfo {
  readonly user: UserId;
  readonly name: string;
  /** True for a person imported from another system, who cannot sign in. */
  readonly isExternal: boolean;
}

export function parseUserInfo(map: ControlMap): UserInfo {
  return { user: map.id("user"), name: map.text("name") ?? "", isExternal: map.flag("external") };
}
