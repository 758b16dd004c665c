import type { ConversationId } from "../../protocol/primitives/Ids.js";
import { writeSignal } from "../../protocol/frames/Signal.js";
import type { SignalKind } from "../../protocol/primitives/Words.js";
import type { Clock } from "../Clock.js";

const PAUSE = 5000;
const CONVERSATIONS_MAX = 64;
const WAITING_MAX = 64;

/**
 * What the user's own typing becomes on the wire: a signal at the beginning, again every five seconds while it goes on, and one at the end. What does not get through at once is not sent later: it would not be true any more.
 */
export class SignalThrottle {
  readonly #clock: Clock;
  readonly #said = new Map<ConversationId, { readonly kind: SignalKind; readonly at: number }>();
  #waiting: Uint8Array<ArrayBuffer>[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True when something was queued. */
  tryQueue(conversation: ConversationId, kind: SignalKind): boolean {
    const now = this.#clock.now();
    const last = this.#said.get(conversation);
    const isSaid = last !== undefined && last.kind === kind && now - last.at < PAUSE;
    if ((kind === "stopped" ? !this.#said.delete(conversation) : isSaid) || this.#waiting.length >= WAITING_MAX) {
      return false;
    }

    if (kind !== "stopped") {
      if (this.#said.size >= CONVERSATIONS_MAX) {
        this.#said.clear();
      }

      this.#said.set(conversation, { kind, at: now });
    }

    this.#waiting.push(writeSignal(conversation, kind));
    return true;
  }

  /** The next signal to send; undefined when there is none. */
  take(): Uint8Array<ArrayBuffer> | undefined {
    return this.#waiting.shift();
  }

  /** A message of the user's own goes out: everybody forgets that they type there, and the next key begins anew. */
  onPublish(conversation: ConversationId): void {
    this.#said.delete(conversation);
  }

  /** A connection ended or began: what waits is of the past. */
  reset(): void {
    this.#waiting = [];
    this.#said.clear();
  }
}
