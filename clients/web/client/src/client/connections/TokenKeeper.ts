import { CloseCode } from "../../protocol/CloseCode.js";
import { ControlMap } from "../../protocol/control/ControlMap.js";
import type { Hello, TokenPair, Welcome } from "../../protocol/control/Hello.js";
import type { DeviceId } from "../../protocol/primitives/Ids.js";
import { ClientError, ConnectionError } from "../ClientError.js";
import type { Settings } from "../ClientOptions.js";
import { delay } from "../Clock.js";
import type { Identity } from "../FastChatClient.js";
import type { DeviceTokens, TokenLease, TokenStore } from "../TokenStore.js";

/** A token that holds for less is not worth the way to the broker. */
const MARGIN = 10_000;

const RETRY_MIN = 1000;

/** A hundred years: a clock can still add it. */
const SECONDS_MAX = 36_525 * 24 * 60 * 60;

/** What of Hello says who signs in. */
export type SignIn = Pick<Hello, "token" | "refresh" | "assertion" | "renews" | "name" | "password" | "register" | "device">;

/**
 * What a client signs in with, and how it gets newer tokens: at a connection's beginning, and on it before its time is over, in the order that protocol.md §3.4 asks for (send, store, use). Without a store the token never
 * changes.
 */
export class TokenKeeper {
  readonly #settings: Settings;
  readonly #reauthenticate: (body: ControlMap, connection: number) => Promise<TokenPair>;
  #token: string | undefined;
  #password: string | undefined;
  #mustRefresh = false;
  #canRefresh = false;
  #last: "password" | "assertion" | "token" | "refresh" = "token";
  #device: DeviceId | undefined;
  #assertion: string | undefined;
  #refusedAssertion: string | undefined;

  constructor(settings: Settings, reauthenticate: (body: ControlMap, connection: number) => Promise<TokenPair>) {
    this.#settings = settings;
    this.#reauthenticate = reauthenticate;
    this.#token = settings.token;
    this.#password = settings.password;
    this.#device = settings.device;
  }

  /** What the next sign-in can use. */
  get token(): string | undefined {
    return this.#token;
  }

  /** Who is signed in by what is stored; undefined when nothing is, or another sign-in comes first. */
  async peek(): Promise<Identity | undefined> {
    const tokens = this.#password === undefined ? await this.#settings.tokenStore?.peek() : undefined;
    return tokens && { user: tokens.user, name: tokens.name, device: tokens.device };
  }

  /** What signs in now. The lease, if there is one, is held until the answer is stored. */
  async sign(signal: AbortSignal): Promise<{ signIn: SignIn; lease: TokenLease | undefined }> {
    const { tokenStore, name, register, device, assertion } = this.#settings;
    if (assertion !== undefined) {
      this.#last = "assertion";
      this.#assertion = await assertion(signal);
      return { signIn: { assertion: this.#assertion, device: this.#device }, lease: undefined };
    }

    if (this.#password !== undefined) {
      this.#last = "password";
      const lease = await tokenStore?.take(signal);
      return { signIn: { name, password: this.#password, register, device, renews: tokenStore !== undefined }, lease };
    }

    this.#last = "token";
    if (tokenStore === undefined) {
      return { signIn: { token: this.#token }, lease: undefined };
    }

    const lease = await tokenStore.take(signal);
    const tokens = lease.tokens;
    this.#canRefresh = tokens?.refresh !== undefined;
    const isNewer = tokens !== undefined && tokens.token !== this.#token;
    if (tokens?.refresh !== undefined && ((this.#mustRefresh && !isNewer) || this.#endsSoon(tokens))) {
      this.#last = "refresh";
      return { signIn: { refresh: tokens.refresh }, lease };
    }

    lease.release();
    this.#token = tokens?.token ?? this.#token;
    return { signIn: { token: this.#token ?? "" }, lease: undefined };
  }

  /** Welcome came: stores what it brought. True when that has to be used, for the token before it to be worth nothing. */
  async welcome(welcome: Welcome, lease: TokenLease | undefined): Promise<boolean> {
    this.#mustRefresh = false;
    this.#device = welcome.device;
    this.#refusedAssertion = undefined;
    const { token, refresh } = welcome.tokens;
    if (token !== undefined) {
      this.#canRefresh = refresh !== undefined && this.#settings.tokenStore !== undefined;
      await lease?.save(this.#stored(welcome.tokens, token, welcome));
      this.#token = token;
    }

    // Without a token of its own a password is needed again.
    this.#password = this.#token === undefined ? this.#password : undefined;
    return token !== undefined && this.#last === "refresh";
  }

  /**
   * True when the connection ended, or did not begin, for want of a newer token, and there may be one: then the next attempt gets it, at once.
   * @param wasReady It had got as far as Welcome.
   */
  mayReturn(code: CloseCode, wasReady: boolean): boolean {
    if (this.#last === "assertion") {
      return this.#mayReassert(code, wasReady);
    }

    const isForWantOfToken = code === CloseCode.TokenExpired || (code === CloseCode.TokenInvalid && this.#last === "token");
    this.#mustRefresh = isForWantOfToken && this.#canRefresh && (wasReady || this.#last === "token");
    return this.#mustRefresh;
  }

  /** Says the token that came with a refresh token on a connection, as the first word there. */
  async use(connection: number): Promise<void> {
    try {
      await this.#reauthenticate(new ControlMap().set("token", this.#token), connection);
    } catch {
      // The connection broke, or the token is refused: the next sign-in uses it, or hears why not.
    }
  }

  /** Keeps one connection's sign-in from running out. Returns when the connection ends; does not throw. */
  async keep(welcome: Welcome, connection: number, ended: AbortSignal): Promise<void> {
    const { tokenStore, assertion, clock, random } = this.#settings;
    let holds = welcome.tokens.seconds === undefined ? undefined : welcome.tokens.seconds * 1000;
    while ((tokenStore !== undefined || assertion !== undefined) && holds !== undefined) {
      // After seven to eight tenths: who signed in together does not come together, and there is time for a second try.
      const left: number = holds;
      const wait = Math.max(RETRY_MIN, left * (0.7 + 0.1 * random()));
      await delay(clock, wait, ended);
      if (ended.aborted) {
        return;
      }

      try {
        holds = assertion !== undefined ? await this.#reassert(assertion, connection, ended) : await this.#renew(tokenStore!, welcome, connection, ended);
      } catch (failure) {
        // Refused, broken off, or the store cannot be read: there is time for another try, and when that is over the broker says so.
        holds = left - wait;
        if (failure instanceof ConnectionError || holds <= 0 || ended.aborted) {
          return;
        }
      }
    }
  }

  /** A request that makes all tokens of this device worth nothing and brings new ones: nobody else refreshes meanwhile. */
  async replace(ask: (body: ControlMap) => Promise<TokenPair>, welcome: Welcome): Promise<void> {
    const lease = await this.#settings.tokenStore?.take();
    try {
      const pair = await ask(new ControlMap().set("renews", lease === undefined ? undefined : true));
      if (pair.token !== undefined) {
        await lease?.save(this.#stored(pair, pair.token, welcome));
        this.#token = pair.token;
      }
    } finally {
      lease?.release();
    }
  }

  /** The connection was there and ran out, or the assertion that was refused is shown for the first time: there may be a newer one. */
  #mayReassert(code: CloseCode, wasReady: boolean): boolean {
    if (wasReady) {
      return code === CloseCode.TokenExpired;
    }

    const isNews = (code === CloseCode.AssertionRefused || code === CloseCode.TokenExpired) && this.#refusedAssertion === undefined;
    this.#refusedAssertion ??= this.#assertion;
    return isNews;
  }

  async #reassert(assertion: (signal: AbortSignal) => Promise<string>, connection: number, ended: AbortSignal): Promise<number | undefined> {
    const { seconds } = await this.#reauthenticate(new ControlMap().set("assertion", await assertion(ended)), connection);
    return seconds === undefined ? undefined : seconds * 1000;
  }

  async #renew(store: TokenStore, welcome: Welcome, connection: number, ended: AbortSignal): Promise<number | undefined> {
    const lease = await store.take(ended);
    try {
      let tokens = lease.tokens;
      const isNewer = tokens !== undefined && tokens.token !== this.#token && !this.#endsSoon(tokens);
      if (tokens?.refresh !== undefined && !isNewer) {
        const pair = await this.#reauthenticate(new ControlMap().set("refresh", tokens.refresh), connection);
        if (pair.token === undefined) {
          throw new NoTokenError("the broker renewed a token and gave none");
        }

        tokens = this.#stored(pair, pair.token, welcome);
        await lease.save(tokens);
      }

      this.#token = tokens?.token ?? this.#token;
    } finally {
      lease.release();
    }

    const { seconds } = await this.#reauthenticate(new ControlMap().set("token", this.#token), connection);
    return seconds === undefined ? undefined : seconds * 1000;
  }

  #endsSoon(tokens: DeviceTokens): boolean {
    return tokens.holdsUntil !== undefined && tokens.holdsUntil <= this.#settings.clock.date() + MARGIN;
  }

  #stored(pair: TokenPair, token: string, welcome: Welcome): DeviceTokens {
    const holdsUntil = pair.seconds === undefined ? undefined : this.#settings.clock.date() + 1000 * Math.min(pair.seconds, SECONDS_MAX);
    return { token, refresh: pair.refresh, holdsUntil, user: welcome.user, name: welcome.name, device: welcome.device };
  }
}

class NoTokenError extends ClientError {
  readonly scope = "connection";
  readonly code = 0;
  readonly isRetryable = true;
}
