/** Things that have a name on the wire, and a few of them a number in records. A word of a later version is passed on as it is. */

/** What a conversation is (protocol.md §5.3). */
export type ConversationKind = "public" | "group" | "direct" | "channel";

/** What somebody is in a conversation (protocol.md §5.3). */
export type MemberRole = "none" | "member" | "moderator" | "admin" | "owner" | "reader" | "invited" | "banned";

/** How much of the past new members may read (protocol.md §5.3). */
export type HistoryVisibility = "all" | "invited" | "joined";

/** How somebody is seen (protocol.md §4.9). */
export type Availability = "offline" | "online" | "away" | "dnd" | "invisible";

/** What somebody does at this moment (protocol.md §4.9). */
export type SignalKind = "typing" | "recording" | "stopped";

/** What a program's account may do (protocol.md §4.8). */
export type ServiceRight = "publish" | "import" | "read";

/** Roles by their number in membership records. */
export const ROLES: readonly MemberRole[] = ["none", "member", "moderator", "admin", "owner", "reader", "invited", "banned"];

/** Availabilities by their number in Presence frames. */
export const AVAILABILITIES: readonly Availability[] = ["offline", "online", "away", "dnd", "invisible"];

/** Signals by their number. */
export const SIGNALS: readonly (SignalKind | undefined)[] = [undefined, "typing", "recording", "stopped"];

/** Who has more may do more; members begin at 1, and 0 is none of them (protocol.md §5.3). */
export function rankOf(role: MemberRole): number {
  return ["reader", "member", "moderator", "admin", "owner"].indexOf(role) + 1;
}
