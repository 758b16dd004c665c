import type { RelayedSignal } from "../../protocol/frames/Signal.js";
import type { ConversationId, UserId } from "../../protocol/primitives/Ids.js";
import type { SignalKind } from "../../protocol/primitives/Words.js";
import type { Clock } from "../Clock.js";
import type { TypingNotice } from "../Pages.js";

const ENTRIES_MAX = 1024;

interface Entry {
  readonly conversation: ConversationId;
  readonly user: UserId;
  readonly kind: SignalKind;
  readonly until: number;
}

/**
 * Who types where, as far as this client was told. Each entry ends by itself when its time is over, with a message of the same user, and with the connection; the application hears of a beginning, a change and an end, each
 * once.
 */
export class TypingTable {
  readonly #clock: Clock;
  readonly #changed: (notice: TypingNotice) => void;
  readonly #entries = new Map<string, Entry>();
  #timer: unknown;

  constructor(clock: Clock, changed: (notice: TypingNotice) => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  /** A signal came. */
  onSignal(signal: RelayedSignal): void {
    const key = signal.conversation + signal.user;
    const known = this.#entries.get(key);
    if (signal.kind === "stopped") {
      this.#end(key);
    } else if (signal.kind !== undefined && (known !== undefined || this.#entries.size < ENTRIES_MAX)) {
      this.#entries.set(key, { conversation: signal.conversation, user: signal.user, kind: signal.kind, until: this.#clock.now() + signal.timeToLive });
      this.#arm();
      if (known?.kind !== signal.kind) {
        this.#changed({ conversation: signal.conversation, user: signal.user, kind: signal.kind });
      }
    }
  }

  /** A message came. */
  onMessage(conversation: ConversationId, sender: UserId): void {
    if (this.#entries.size > 0) {
      this.#end(conversation + sender);
    }
  }

  /** The connection ended. */
  endAll(): void {
    for (const key of [...this.#entries.keys()]) {
      this.#end(key);
    }

    this.#arm();
  }

  #end(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) {
      this.#entries.delete(key);
      this.#changed({ conversation: entry.conversation, user: entry.user, kind: "stopped" });
    }
  }

  /** Sets the timer for the entry that ends first. */
  #arm(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#entries.size === 0) {
      return;
    }

    const first = Math.min(...[...this.#entries.values()].map((entry) => entry.until));
    this.#timer = this.#clock.setTimeout(() => {
      const now = this.#clock.now();
      for (const [key, entry] of [...this.#entries]) {
        if (entry.until <= now) {
          this.#end(key);
        }
      }

      this.#arm();
    }, Math.max(1, first - this.#clock.now()));
  }
}
