import type { DeviceTokens, TokenLease, TokenStore } from "../client/TokenStore.js";

/**
 * Keeps the tokens of a browser in IndexedDB; the Web Locks API lets one tab at a time have them. Where a page has no Web Locks (it came neither over HTTPS nor from localhost), only one tab may be signed in by this store.
 */
export class IndexedDbTokenStore implements TokenStore {
  /** @param name Of the database; one for each account that a browser is signed in to at the same time. */
  constructor(readonly name = "fastchat-tokens") {}

  take(_signal?: AbortSignal): Promise<TokenLease> {
    throw new Error("not built yet");
  }

  peek(): Promise<DeviceTokens | undefined> {
    throw new Error("not built yet");
  }

  clear(): Promise<void> {
    throw new Error("not built yet");
  }
}
