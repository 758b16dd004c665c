import type { DeviceId, UserId } from "../protocol/primitives/Ids.js";
import { Mutex } from "./Mutex.js";

/** The tokens of a device (protocol.md §3.4), and whose they are. Secret. */
export interface DeviceTokens {
  /** Signs in. */
  readonly token: string;
  /** What the next pair is got with; undefined for a token that lives as long as its device. */
  readonly refresh: string | undefined;
  /** Until when the token signs in, by the clock of this machine, in ms; undefined = until it is ended. */
  readonly holdsUntil: number | undefined;
  /** The user. */
  readonly user: UserId;
  /** The user's name as registered. */
  readonly name: string;
  /** The device. */
  readonly device: DeviceId;
}

/**
 * Where the tokens of one device are kept. Several clients, in several tabs, may share a store and so the device: one at a time holds the lease and gets the next pair, the others find it there afterwards. A refresh token that
 * is sent by two at once looks like theft to the broker, which ends the device; so a lease excludes all others, in other tabs too, and ends with its tab.
 */
export interface TokenStore {
  /** Waits until nobody else holds the tokens, and takes them. */
  take(signal?: AbortSignal): Promise<TokenLease>;

  /** What is stored, without waiting for anybody: for showing who is signed in. Undefined when nothing is. */
  peek(): Promise<DeviceTokens | undefined>;

  /** Forgets the tokens: signing out on this device. */
  clear(): Promise<void>;
}

/** The tokens, held by one client. */
export interface TokenLease {
  /** What is stored; undefined when nothing is. */
  readonly tokens: DeviceTokens | undefined;

  /** Stores a pair. It is durable when the promise is fulfilled: the client uses it only then, and from then on the pair before it is worth nothing. */
  save(tokens: DeviceTokens): Promise<void>;

  /** Lets the next one have them. May be called more than once. */
  release(): void;
}

/** Keeps tokens for as long as the program lives: for programs that sign in with a password at every start. */
export class MemoryTokenStore implements TokenStore {
  readonly #free = new Mutex();
  #tokens: DeviceTokens | undefined;

  async take(signal?: AbortSignal): Promise<TokenLease> {
    const release = await this.#free.lock(signal);
    const held = (): DeviceTokens | undefined => this.#tokens;
    return {
      get tokens() {
        return held();
      },
      save: (tokens) => {
        this.#tokens = tokens;
        return Promise.resolve();
      },
      release,
    };
  }

  peek(): Promise<DeviceTokens | undefined> {
    return Promise.resolve(this.#tokens);
  }

  clear(): Promise<void> {
    this.#tokens = undefined;
    return Promise.resolve();
  }
}
