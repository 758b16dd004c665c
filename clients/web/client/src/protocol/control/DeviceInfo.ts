import type { ControlMap } from "./ControlMap.js";
import type { DeviceId, SessionId, UserId } from "../primitives/Ids.js";
import { toTime } from "../primitives/Micros.js";
import type { ServiceRight } from "../primitives/Words.js";

/** A device of a user (protocol.md §4.11). */
export interface DeviceInfo {
  readonly device: DeviceId;
  /** The client's, until somebody gave it another. */
  readonly name: string;
  readonly createdAt: number | undefined;
  /** To the hour. */
  readonly lastSeen: number | undefined;
  /** How it signed in: "password", "token", or a word of a later version. */
  readonly signedIn: string;
  /** It is the one that asks. */
  readonly isCurrent: boolean;
  /** It has a connection. */
  readonly isOnline: boolean;
}

export function parseDeviceInfo(map: ControlMap): DeviceInfo {
  return {
    device: map.big("device"),
    name: map.text("name") ?? "",
    createdAt: toTime(map.number("created_at")),
    lastSeen: toTime(map.number("last_seen")),
    signedIn: map.text("signed_in") ?? "",
    isCurrent: map.flag("current"),
    isOnline: map.flag("online"),
  };
}

/** An account, as operators see it. */
export interface AccountInfo {
  readonly user: UserId;
  readonly name: string;
  /** It was made known by an import and signs in nowhere. */
  readonly isExternal: boolean;
  /** It is let in no longer. */
  readonly isSuspended: boolean;
  readonly createdAt: number | undefined;
}

export function parseAccountInfo(map: ControlMap): AccountInfo {
  return {
    user: map.id("user"),
    name: map.text("name") ?? "",
    isExternal: map.flag("external"),
    isSuspended: map.flag("suspended"),
    createdAt: toTime(map.number("created_at")),
  };
}

/** A session that has a connection, as operators see it. */
export interface SessionInfo {
  readonly session: SessionId;
  readonly user: UserId;
  readonly name: string;
  readonly device: DeviceId;
  /** The address that it comes from, without the port. */
  readonly remote: string;
  /** For how many seconds, from now, it holds without another token; undefined = until it is ended. */
  readonly tokenSeconds: number | undefined;
}

export function parseSessionInfo(map: ControlMap): SessionInfo {
  return {
    session: map.id("session"),
    user: map.id("user"),
    name: map.text("name") ?? "",
    device: map.big("device"),
    remote: map.text("remote") ?? "",
    tokenSeconds: map.get("token_seconds") === undefined ? undefined : map.number("token_seconds"),
  };
}

/** The account of a program, as operators see it. */
export interface ServiceInfo {
  readonly user: UserId;
  readonly name: string;
  readonly rights: readonly ServiceRight[];
  /** How many conversations it is confined to; undefined = it is not confined. */
  readonly conversations: number | undefined;
  readonly createdAt: number | undefined;
  /** Thumbprints of the keys that it signs in with. */
  readonly keys: readonly string[];
  /** The name in the TLS certificate that it shows; undefined = none. */
  readonly certificate: string | undefined;
}

export function parseServiceInfo(map: ControlMap): ServiceInfo {
  return {
    user: map.id("user"),
    name: map.text("name") ?? "",
    rights: map.texts("rights") as ServiceRight[],
    conversations: map.get("conversations") === undefined ? undefined : map.number("conversations"),
    createdAt: toTime(map.number("created_at")),
    keys: map.get("keys") === undefined ? [] : map.texts("keys"),
    certificate: map.text("certificate"),
  };
}

/** A broker's latest backup since it was started. */
export interface BackupStatus {
  /** Which one it is: counts from 1; 0 = there was none yet. */
  readonly run: number;
  readonly isRunning: boolean;
  /** Bytes that were copied or found so far. */
  readonly doneBytes: number;
  /** Bytes that it will have; 0 while that is not known yet. */
  readonly totalBytes: number;
  /** Why it failed; undefined when it did not. */
  readonly failure: string | undefined;
  /** Its number in its directory; 0 unless it is complete. */
  readonly backup: number;
  /** When it was begun. */
  readonly takenAt: number | undefined;
  readonly epoch: number;
  readonly commit: number;
  readonly files: number;
  readonly copiedBytes: number;
  /** Older backups that were dropped for it. */
  readonly dropped: number;
}

export function parseBackupStatus(map: ControlMap): BackupStatus {
  return {
    run: map.number("run"),
    isRunning: map.flag("running"),
    doneBytes: map.number("done"),
    totalBytes: map.number("total"),
    failure: map.text("failure"),
    backup: map.number("backup"),
    takenAt: toTime(map.number("taken_at")),
    epoch: map.number("epoch"),
    commit: map.number("commit"),
    files: map.number("files"),
    copiedBytes: map.number("copied"),
    dropped: map.number("dropped"),
  };
}
