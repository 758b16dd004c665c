import type { DeviceTokens, TokenLease, TokenStore } from "../client/TokenStore.js";
import { Database } from "./Database.js";
import { lock } from "./Locks.js";

const KEY = "device";

/**
 * Keeps the tokens of a browser in IndexedDB; the Web Locks API lets one tab at a time have them. Where a page has no Web Locks (it came neither over HTTPS nor from localhost), only one tab may be signed in by this store: of
 * two that refresh at once the broker would think that one is a thief.
 */
export class IndexedDbTokenStore implements TokenStore {
  readonly #database: Database;

  /** @param name Of the database; one for each account that a browser is signed in to at the same time. */
  constructor(readonly name = "fastchat-tokens") {
    this.#database = new Database(name, "tokens", {});
  }

  async take(signal?: AbortSignal): Promise<TokenLease> {
    const release = await lock(this.name, signal);
    try {
      const tokens = await this.peek();
      return { tokens, save: (pair) => this.#write((store) => store.put(pair, KEY)), release };
    } catch (failure) {
      release();
      throw failure;
    }
  }

  peek(): Promise<DeviceTokens | undefined> {
    return this.#database.run<DeviceTokens | undefined>("readonly", (store, done) => {
      const request = store.get(KEY) as IDBRequest<DeviceTokens | undefined>;
      request.onsuccess = () => done(request.result);
    });
  }

  /** Forgets the tokens. A tab that is getting new ones at this moment would store them afterwards: so it waits for its turn. */
  async clear(): Promise<void> {
    const release = await lock(this.name);
    try {
      await this.#write((store) => store.delete(KEY));
    } finally {
      release();
    }
  }

  #write(use: (store: IDBObjectStore) => void): Promise<void> {
    return this.#database.run<void>("readwrite", use);
  }
}
