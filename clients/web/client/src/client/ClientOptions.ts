import { utf8Size } from "../protocol/encoding/Utf8.js";
import type { DeviceId } from "../protocol/primitives/Ids.js";
import { ProtocolLimits } from "../protocol/ProtocolLimits.js";
import { systemClock, type Clock } from "./Clock.js";
import type { WebSocketConstructor } from "./connections/Transport.js";
import type { OutboxStore } from "./Outbox.js";
import { makePolicy, type ReconnectPolicy } from "./ReconnectPolicy.js";
import type { TokenStore } from "./TokenStore.js";
import { pageWake, type WakeSource } from "./Wake.js";

/**
 * How a client shows a password (protocol.md §3.5).
 *
 * - `preferScram`: it is proven where the broker takes proofs, and shown where the broker takes none, or has nothing to check one of this account with yet; but never over a connection that others could listen to (neither wss:,
 *   nor this machine). Whoever answers in the broker's place can say that proofs are not taken: where TLS ends at somebody who must not have the password, `scram` is the choice;
 * - `scram`: it is proven, or nobody signs in: no broker, and nobody in between, gets the password;
 * - `plain`: it is shown, over whatever connection there is.
 *
 * Proofs take WebCrypto, which pages have over HTTPS and on localhost.
 */
export type PasswordMechanism = "preferScram" | "scram" | "plain";

/**
 * Settings of a client. Sign-in is with `token`, with `name` and `password`, with `assertion`, or with what stands in `tokenStore`.
 */
export interface ClientOptions {
  /** Where the broker is: `ws://…/ws` or `wss://…/ws`. In a page that the broker serves it may be left out. */
  readonly url?: string;
  /** A token that lives as long as its device, or a service account's. */
  readonly token?: string;
  /**
   * Where the tokens of this device are kept. With one, the client signs in with what stands there (or with `name` and `password` first), gets newer tokens by itself before the old ones are over, on a living connection
   * without a break, and stores them. Without one it gets a single token that lives as long as the device ({@link FastChatClient.token}), which is the application's to keep.
   */
  readonly tokenStore?: TokenStore;
  /** The user's name, when there is no token. */
  readonly name?: string;
  /** The user's password, when there is no token. Forgotten once the broker has given a token. */
  readonly password?: string;
  /** How the password is shown. "preferScram" by default. */
  readonly passwordMechanism?: PasswordMechanism;
  /** Make the account before signing in with name and password. */
  readonly register?: boolean;
  /** The device to continue as when signing in with a password or an assertion; absent makes a new one. */
  readonly device?: DeviceId;
  /**
   * Gives an assertion, a signed JWT of an identity provider or a service account's own (protocol.md §3.6): asked at the beginning of each connection, and again before what signed in is over, so that a living connection goes on.
   * It may give the same one for as long as that holds. Neither a token nor a password beside it.
   */
  readonly assertion?: (signal: AbortSignal) => Promise<string>;
  /** Keeps publishes over reloads until they are answered. Without one they live as long as the client. */
  readonly outbox?: OutboxStore;
  /** Name and version of the program, for operators and the user's list of devices; at most 64 bytes. */
  readonly clientName?: string;
  /** Delivery window in bytes: what may lie in this process, delivered and not yet consumed by the application, over all subscriptions. 1 MiB by default. */
  readonly window?: number;
  /** Somebody looks at what the client shows: the broker sends who types and who is there. True by default. */
  readonly signals?: boolean;
  /** Bytes of publishes that may be unanswered; past it {@link FastChatClient.waitForRoom} waits and publishing is refused with {@link QueueFullError}. 8 MiB by default. */
  readonly sendQueueBytesMax?: number;
  /** Entries of the outbox that a user may have. 1,000 by default. */
  readonly outboxEntriesMax?: number;
  /** Control requests that may be unanswered; past it they wait in the client. 256 by default. */
  readonly requestsMax?: number;
  /** Users that the name cache remembers. 4,096 by default. */
  readonly nameCacheMax?: number;
  /** When to come back after a connection ended. */
  readonly reconnect?: Partial<ReconnectPolicy>;
  /** From opening the transport to Welcome, in ms; an attempt that takes longer counts as failed. 10,000 by default. */
  readonly connectTimeout?: number;
  /** Opens WebSockets. The platform's own by default; Node.js before 22 has none, and takes that of a package such as `ws`. */
  readonly webSocket?: WebSocketConstructor;
  /** Says when it is worth trying at once: by default when the page becomes visible or the network is back. */
  readonly wake?: WakeSource;
  /** The clock and its timers. */
  readonly clock?: Clock;
  /** Numbers from 0 to 1, for the pauses between attempts. */
  readonly random?: () => number;
}

/** The options with every default in them. */
export interface Settings {
  readonly url: string;
  readonly token: string | undefined;
  readonly tokenStore: TokenStore | undefined;
  readonly name: string | undefined;
  readonly password: string | undefined;
  readonly passwordMechanism: PasswordMechanism;
  readonly register: boolean;
  readonly device: DeviceId | undefined;
  readonly assertion: ((signal: AbortSignal) => Promise<string>) | undefined;
  readonly outbox: OutboxStore | undefined;
  readonly clientName: string;
  readonly window: number;
  readonly signals: boolean;
  readonly sendQueueBytesMax: number;
  readonly outboxEntriesMax: number;
  readonly requestsMax: number;
  readonly nameCacheMax: number;
  readonly reconnect: ReconnectPolicy;
  readonly connectTimeout: number;
  readonly webSocket: WebSocketConstructor;
  readonly wake: WakeSource | undefined;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Checks the options and fills in what was left out. @throws TypeError when they contradict one another. */
export function makeSettings(options: ClientOptions): Settings {
  const hasName = !!options.name && options.password !== undefined;
  require(
    options.assertion !== undefined
      ? !options.token && options.tokenStore === undefined && options.password === undefined
      : options.tokenStore === undefined ? !!options.token !== hasName : !options.token,
    "token: either a token, or a name and a password, or an assertion; or a token store, alone or with a name and a password",
  );
  require(hasName || !options.register, "register: registration needs a name and a password");
  const settings: Settings = {
    url: options.url ?? urlOfPage(),
    token: options.token,
    tokenStore: options.tokenStore,
    name: options.name,
    password: options.password,
    passwordMechanism: options.passwordMechanism ?? "preferScram",
    register: options.register ?? false,
    device: options.device,
    assertion: options.assertion,
    outbox: options.outbox,
    clientName: options.clientName ?? "fastchat-web/0.1",
    window: options.window ?? 1024 * 1024,
    signals: options.signals ?? true,
    sendQueueBytesMax: options.sendQueueBytesMax ?? 8 * 1024 * 1024,
    outboxEntriesMax: options.outboxEntriesMax ?? 1000,
    requestsMax: options.requestsMax ?? 256,
    nameCacheMax: options.nameCacheMax ?? 4096,
    reconnect: makePolicy(options.reconnect),
    connectTimeout: options.connectTimeout ?? 10_000,
    webSocket: options.webSocket ?? platformWebSocket(),
    wake: options.wake ?? pageWake(),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
  require(["preferScram", "scram", "plain"].includes(settings.passwordMechanism), "passwordMechanism: preferScram, scram or plain");
  require(/^wss?:\/\//.test(settings.url), "url: ws://… or wss://… is expected");
  require(utf8Size(settings.clientName) <= ProtocolLimits.clientNameSizeMax, "clientName: at most 64 bytes");
  require(isWhole(settings.window, 4096, 0xffff_ffff), "window: 4,096 bytes to 4 GiB");
  require(isWhole(settings.sendQueueBytesMax, 1024), "sendQueueBytesMax: at least 1,024 bytes");
  require(isWhole(settings.outboxEntriesMax, 1), "outboxEntriesMax: at least 1");
  require(isWhole(settings.requestsMax, 1, 100_000), "requestsMax: 1 to 100,000");
  require(isWhole(settings.nameCacheMax, 2), "nameCacheMax: at least 2");
  require(settings.connectTimeout > 0, "connectTimeout: more than zero");
  return settings;
}

function urlOfPage(): string {
  const page = (globalThis as { location?: { href: string; protocol: string } }).location;
  require(page !== undefined && /^https?:$/.test(page.protocol), "url: it says where the broker is");
  const url = new URL("/ws", page.href);
  url.protocol = page.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

function platformWebSocket(): WebSocketConstructor {
  const constructor = (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  require(constructor !== undefined, "webSocket: this platform has no WebSocket of its own; pass that of a package such as 'ws'");
  return constructor;
}

function isWhole(value: number, min: number, max: number = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

function require(holds: boolean, rule: string): asserts holds {
  if (!holds) {
    throw new TypeError(rule);
  }
}
