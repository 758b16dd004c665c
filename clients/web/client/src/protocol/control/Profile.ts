import { ControlMap } from "./ControlMap.js";
import type { UserId } from "../primitives/Ids.js";
import { toTime } from "../primitives/Micros.js";

/** A profile (protocol.md §4.8). */
export interface Profile {
  readonly user: UserId;
  /** 1, 2, 3, … with each change; 0 = nothing was ever set. */
  readonly version: number;
  /** True when it is the version that was asked about: then nothing else is said. */
  readonly isUnchanged: boolean;
  /** The user's name, as it was registered. */
  readonly name: string;
  /** How the user wants to be called. */
  readonly displayName: string | undefined;
  /** The address of a picture, or the id of an attachment: the broker does not look into it, and a client that fetches an address tells its owner so. */
  readonly avatar: string | undefined;
  /** A language tag. */
  readonly locale: string | undefined;
  /** Custom fields. */
  readonly fields: ReadonlyMap<string, string>;
}

export function parseProfile(map: ControlMap): Profile {
  const fields = map.map("fields");
  return {
    user: map.id("user"),
    version: map.number("version"),
    isUnchanged: map.flag("unchanged"),
    name: map.text("name") ?? "",
    displayName: map.text("display_name"),
    avatar: map.text("avatar"),
    locale: map.text("locale"),
    fields: new Map((fields?.keys ?? []).flatMap((key): [string, string][] => {
      const value = fields!.text(key);
      return value === undefined ? [] : [[key, value]];
    })),
  };
}

/** What SetProfile asks for: what is absent stays as it is, an empty text takes it away. */
export interface ProfileChange {
  /** At most 128 bytes without control characters. */
  readonly displayName?: string;
  /** At most 512 bytes. */
  readonly avatar?: string;
  /** A language tag as in BCP 47. */
  readonly locale?: string;
  /** Custom fields to set, or to take away by an empty text; those that are not named stay. */
  readonly fields?: Readonly<Record<string, string>>;
  /** The change is made only if the profile has this version. */
  readonly ifVersion?: number;
}

export function writeProfileChange(change: ProfileChange): ControlMap {
  const map = new ControlMap().set("display_name", change.displayName).set("avatar", change.avatar).set("locale", change.locale).set("if_version", change.ifVersion);
  if (change.fields !== undefined) {
    const fields = new ControlMap();
    for (const [key, value] of Object.entries(change.fields)) {
      fields.set(key, value);
    }

    map.set("fields", fields);
  }

  return map;
}

/** Whose profile, and which version of it the client has already; 0 or absent = none. */
export interface ProfileQuery {
  readonly user: UserId;
  readonly version?: number;
}

/** A user as a search finds them. */
export interface FoundUser {
  readonly user: UserId;
  readonly name: string;
  readonly isExternal: boolean;
  readonly displayName: string | undefined;
}

export function parseFoundUser(map: ControlMap): FoundUser {
  return { user: map.id("user"), name: map.text("name") ?? "", isExternal: map.flag("external"), displayName: map.text("display_name") };
}

/** Somebody whom the user has blocked. */
export interface BlockInfo {
  readonly user: UserId;
  readonly name: string;
  readonly blockedAt: number | undefined;
}

export function parseBlockInfo(map: ControlMap): BlockInfo {
  return { user: map.id("user"), name: map.text("name") ?? "", blockedAt: toTime(map.number("blocked_at")) };
}
