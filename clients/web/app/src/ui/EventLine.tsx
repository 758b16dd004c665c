import type { JSX } from "preact";
import type { Entry } from "../model/Entry.ts";
import { Name } from "./people.tsx";
import { shownLine } from "./safeText.ts";

/** What happened to a conversation or to somebody in it, as a sentence. */
export function EventLine({ entry }: { entry: Entry }): JSX.Element {
  const record = entry.record;
  const who = <Name user={entry.sender} />;
  const membership = record?.membership;
  if (record !== undefined && membership !== undefined) {
    const isSelf = membership.user === entry.sender;
    const whom = <Name user={membership.user} />;
    if (record.kind === 128) return isSelf ? <span>{who} joined</span> : <span>{who} added {whom}</span>;
    if (record.kind === 129) return membership.role === "banned" ? <span>{who} banned {whom}</span> : isSelf ? <span>{who} left</span> : <span>{who} removed {whom}</span>;
    if (membership.role === "invited") return <span>{who} invited {whom}</span>;
    if (membership.role === "none") return isSelf ? <span>{who} declined the invitation</span> : <span>{who} took back what stood between the room and {whom}</span>;
    if (membership.mutedUntil !== undefined && membership.mutedUntil > 0) return <span>{who} muted {whom}</span>;
    return <span>{whom} is {membership.role === "owner" || membership.role === "admin" ? "an" : "a"} {membership.role} now</span>;
  }

  const changes = record?.changes;
  if (changes?.title !== undefined) return <span>{who} named it “<bdi>{shownLine(changes.title)}</bdi>”</span>;
  if (changes?.topic !== undefined) return changes.topic === "" ? <span>{who} took the topic away</span> : <span>{who} set the topic: <bdi>{shownLine(changes.topic)}</bdi></span>;
  if (changes?.isArchived !== undefined) return <span>{who} {changes.isArchived ? "archived this conversation" : "opened this conversation again"}</span>;
  if (changes?.slowModeSeconds !== undefined) return <span>{who} {changes.slowModeSeconds > 0 ? `set slow mode: one message in ${changes.slowModeSeconds} s` : "ended slow mode"}</span>;
  if (changes?.retentionSeconds !== undefined) return <span>{who} {changes.retentionSeconds > 0 ? `set that messages are kept for ${daysOf(changes.retentionSeconds)}` : "set that messages are kept"}</span>;
  return <span>{who} changed the settings</span>;
}

/** How long something is kept, as a person says it. */
export function daysOf(seconds: number): string {
  const days = Math.round(seconds / 86_400);
  return seconds < 86_400 ? `${Math.max(1, Math.round(seconds / 3600))} hours` : days === 1 ? "a day" : days % 365 === 0 ? (days === 365 ? "a year" : `${days / 365} years`) : `${days} days`;
}
