import type { OutboxEntry, OutboxStore } from "../client/Outbox.js";
import type { UserId } from "../protocol/primitives/Ids.js";

/** Keeps the outbox of a browser in IndexedDB; Web Locks tell which tabs are alive, and a BroadcastChannel tells the others that something changed. */
export class IndexedDbOutbox implements OutboxStore {
  readonly owner: string = "";

  /** @param name Of the database. */
  constructor(readonly name = "fastchat-outbox") {}

  load(_user: UserId): Promise<OutboxEntry[]> {
    throw new Error("not built yet");
  }

  put(_entries: readonly OutboxEntry[]): Promise<void> {
    throw new Error("not built yet");
  }

  remove(_entries: readonly OutboxEntry[]): Promise<void> {
    throw new Error("not built yet");
  }

  adopt(_user: UserId): Promise<OutboxEntry[]> {
    throw new Error("not built yet");
  }

  onChange(_handler: () => void): () => void {
    throw new Error("not built yet");
  }

  close(): void {
    throw new Error("not built yet");
  }
}

/** Keeps the outbox in memory: it survives a client and not the program. */
export class MemoryOutbox extends IndexedDbOutbox {}
