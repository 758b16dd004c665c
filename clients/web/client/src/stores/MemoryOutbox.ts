import type { OutboxEntry, OutboxStore } from "../client/Outbox.js";
import type { UserId } from "../protocol/primitives/Ids.js";

/** Keeps the outbox in memory: it survives a client and not the program. For one client at a time. */
export class MemoryOutbox implements OutboxStore {
  readonly owner = "memory";
  readonly #entries = new Map<string, OutboxEntry>();

  load(user: UserId): Promise<OutboxEntry[]> {
    return Promise.resolve([...this.#entries.values()].filter((entry) => entry.user === user).sort((a, b) => a.order - b.order));
  }

  put(entries: readonly OutboxEntry[]): Promise<void> {
    entries.forEach((entry) => this.#entries.set(`${entry.user}/${entry.id}`, entry));
    return Promise.resolve();
  }

  remove(entries: readonly OutboxEntry[]): Promise<void> {
    entries.forEach((entry) => this.#entries.delete(`${entry.user}/${entry.id}`));
    return Promise.resolve();
  }

  adopt(user: UserId): Promise<OutboxEntry[]> {
    return this.load(user);
  }

  /** Nobody else changes anything. */
  onChange(): () => void {
    return () => undefined;
  }

  /** Nothing is held. */
  close(): void {
    // The next client finds everything as it is.
  }
}
