import { CloseCode } from "../protocol/CloseCode.js";
import type { CloseReason } from "./ConnectionState.js";

/**
 * When a client comes back after its connection ended (protocol.md §9). The advice is in the hundreds of the close code; this says how long the pauses are, in ms.
 *
 * A connection that broke without a Close: `firstDelay`, doubling. 40xx: a random moment within `spreadMax`, so that the sessions of a broker that drains do not come back all at once. 41xx: the time that the broker named,
 * or `laterDelay`, doubling. 42xx and 43xx: never. All pauses end at `delayMax` and are shortened by up to a quarter at random, except the broker's own, which are only lengthened.
 */
export interface ReconnectPolicy {
  /** The first pause after a connection that broke without a word. 50 by default. */
  readonly firstDelay: number;
  /** The first pause after 41xx without a time. 500 by default. */
  readonly laterDelay: number;
  /** The longest pause, unless the broker names a longer one. 30,000 by default. */
  readonly delayMax: number;
  /** Within which time a client returns after 40xx. 1,000 by default. */
  readonly spreadMax: number;
  /** How long a connection must have been ready for the pauses to begin small again. 5,000 by default. */
  readonly stableAfter: number;
  /** Attempts in a row without a stable connection before the client gives up. Infinity by default. */
  readonly attemptsMax: number;
}

/** What holds unless the application says otherwise. */
export const DEFAULT_RECONNECT: ReconnectPolicy = { firstDelay: 50, laterDelay: 500, delayMax: 30_000, spreadMax: 1000, stableAfter: 5000, attemptsMax: Infinity };

/** Never come back: every close is the end. */
export const NEVER_RECONNECT: Partial<ReconnectPolicy> = { attemptsMax: 0 };

/** The policy with what the application said in it. @throws RangeError when that contradicts itself. */
export function makePolicy(said: Partial<ReconnectPolicy> = {}): ReconnectPolicy {
  const policy = { ...DEFAULT_RECONNECT, ...said };
  if (Object.values(policy).some((value) => !(value >= 0)) || policy.delayMax < policy.firstDelay) {
    throw new RangeError("reconnect: pauses are not negative, and delayMax is the longest");
  }

  return policy;
}

/** The pause before attempt number `attempt` (from 0) after `close`, in ms. */
export function delayBefore(policy: ReconnectPolicy, attempt: number, close: CloseReason, random: () => number): number {
  if (close.retryAfter > 0) {
    // Earlier than the broker asked would be refused again; a quarter later spreads those who were told the same.
    return close.retryAfter * (1 + random() / 4);
  }

  if (close.code !== CloseCode.None && !close.isLocal && close.advice === "now" && attempt === 0) {
    return policy.spreadMax * random();
  }

  const first = close.advice === "later" ? policy.laterDelay : policy.firstDelay;
  return Math.min(first * 2 ** Math.min(attempt, 40), policy.delayMax) * (1 - random() / 4);
}
