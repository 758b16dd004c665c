import type { ControlMap } from "./ControlMap.js";
import type { JoinLinkId, UserId } from "../primitives/Ids.js";
import type { MemberRole } from "../primitives/Words.js";

/** A join link as ListJoinLinks describes it: all but what would let anybody follow it. */
export interface JoinLinkInfo {
  /** What it is called when it is revoked. */
  readonly id: JoinLinkId;
  /** What who follows it becomes. */
  readonly role: MemberRole;
  /** How often it can be followed still; undefined = any number of times. */
  readonly usesLeft: number | undefined;
  /** When it ends. */
  readonly expires: number;
  /** True when nobody can follow it any more: out of time or of uses. */
  readonly isExpired: boolean;
  /** Who made it. */
  readonly creator: UserId;
}

export function parseJoinLinkInfo(map: ControlMap): JoinLinkInfo {
  return {
    id: map.id("id"),
    role: (map.text("role") ?? "none") as MemberRole,
    usesLeft: map.get("uses_left") === undefined ? undefined : map.number("uses_left"),
    expires: map.number("expires") / 1000,
    isExpired: map.flag("expired"),
    creator: map.id("creator"),
  };
}
