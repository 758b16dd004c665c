import type { OutboxEntry, OutboxStore } from "../client/Outbox.js";
import { randomId, type Id, type UserId } from "../protocol/primitives/Ids.js";
import { Database } from "./Database.js";
import { lock, tryLock } from "./Locks.js";

/**
 * Keeps the outbox of a browser in IndexedDB. Each tab holds a lock that ends with it, and sends its own entries; whoever finds entries of a tab whose lock is free takes them over. So what is written in a tab never waits for
 * another one, and no two send the same entry. A BroadcastChannel tells the other tabs that something changed.
 */
export class IndexedDbOutbox implements OutboxStore {
  readonly owner: string = randomId<Id<"tab">>();
  readonly #database: Database;
  #alive: Promise<() => void> | undefined;
  #channel: BroadcastChannel | undefined;
  #handler: (() => void) | undefined;

  /** @param name Of the database, of the locks and of the channel. */
  constructor(readonly name = "fastchat-outbox") {
    this.#database = new Database(name, "entries", { keyPath: ["user", "id"] });
  }

  load(user: UserId): Promise<OutboxEntry[]> {
    return this.#database.run<OutboxEntry[]>("readonly", (store, done) => all(store, user, done));
  }

  async put(entries: readonly OutboxEntry[]): Promise<void> {
    await this.#live();
    await this.#database.run<void>("readwrite", (store) => entries.forEach((entry) => store.put(entry)));
    this.#channel?.postMessage(null);
  }

  async remove(entries: readonly OutboxEntry[]): Promise<void> {
    // One that is lost in a crash is sent again, and the broker knows it: no reason to wait for the disk.
    await this.#database.run<void>("readwrite", (store) => entries.forEach((entry) => store.delete([entry.user, entry.id])), "relaxed");
    this.#channel?.postMessage(null);
  }

  async adopt(user: UserId): Promise<OutboxEntry[]> {
    await this.#live();
    const owners = new Set((await this.load(user)).map((entry) => entry.owner));
    owners.delete(this.owner);
    for (const owner of owners) {
      const release = await tryLock(this.#lockOf(owner));
      if (release !== undefined) {
        try {
          await this.#takeOver(user, owner);
        } finally {
          release();
        }
      }
    }

    return (await this.load(user)).filter((entry) => entry.owner === this.owner);
  }

  onChange(handler: () => void): () => void {
    this.#handler = handler;
    this.#channel ??= this.#listen();
    return () => {
      this.#handler = undefined;
      this.#endListening();
    };
  }

  close(): void {
    this.#endListening();
    const alive = this.#alive;
    this.#alive = undefined;
    alive?.then((release) => release(), () => undefined);
    this.#database.close();
  }

  /** What is written under this owner is this program's for as long as it lives: the lock comes first. */
  #live(): Promise<unknown> {
    this.#alive ??= lock(this.#lockOf(this.owner));
    return this.#alive;
  }

  #takeOver(user: UserId, owner: string): Promise<void> {
    return this.#database.run<void>("readwrite", (store) =>
      all(store, user, (entries) => {
        for (const entry of entries) {
          if (entry.owner === owner) {
            store.put({ ...entry, owner: this.owner });
          }
        }
      }),
    );
  }

  #lockOf(owner: string): string {
    return `${this.name}:${owner}`;
  }

  readonly #sayGoodbye = (): void => this.#channel?.postMessage(null);

  #endListening(): void {
    (globalThis as unknown as Partial<Window>).removeEventListener?.("pagehide", this.#sayGoodbye);
    this.#channel?.close();
    this.#channel = undefined;
  }

  #listen(): BroadcastChannel | undefined {
    if (typeof BroadcastChannel === "undefined") {
      return undefined;
    }

    const channel = new BroadcastChannel(this.name);
    channel.onmessage = () => this.#handler?.();

    // The others hear that this tab goes, and look a moment later whether its lock is free.
    (globalThis as unknown as Partial<Window>).addEventListener?.("pagehide", this.#sayGoodbye);

    // In Node.js a channel keeps the program alive unless it is told not to.
    (channel as { unref?: () => void }).unref?.();
    return channel;
  }
}

/** Every entry of a user, in order. */
function all(store: IDBObjectStore, user: UserId, done: (entries: OutboxEntry[]) => void): void {
  const request = store.getAll(IDBKeyRange.bound([user], [user, []])) as IDBRequest<OutboxEntry[]>;
  request.onsuccess = () => done(request.result.sort((a, b) => a.order - b.order));
}
