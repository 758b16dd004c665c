import { ErrorCode } from "../../protocol/ErrorCode.js";
import type { Clock } from "../Clock.js";
import type { SendQueue } from "./SendQueue.js";

const WINDOW_MIN = 16;
const RETRY_AFTER = 1000;

/**
 * What happens to publishes that the broker refused for the time being, because its disk is full or too many came in too short a time (protocol.md §7.4): none of them fails. No further publish is sent; when everything under
 * way is answered and the broker's time is over, all that were refused go out again, in their order and with the same request numbers, before anything newer. It repeats until there is room.
 *
 * Whoever is refused for their rate was sending too far ahead: what stands behind the first refusal was sent in vain and is sent again. So the number of publishes under way is halved each time, and grows by one with each batch
 * of answers: a sender that has more to say than it may comes to rest at its rate.
 */
export class PublishHold {
  readonly #sends: SendQueue;
  readonly #clock: Clock;
  readonly #wake: () => void;
  #state: "open" | "draining" | "waiting" = "open";
  #retryAfter = 0;
  #window = Infinity;
  #timer: unknown;

  constructor(sends: SendQueue, clock: Clock, wake: () => void) {
    this.#sends = sends;
    this.#clock = clock;
    this.#wake = wake;
  }

  /** Publishes that may be under way, beside what the broker allows at all. */
  get window(): number {
    return this.#window;
  }

  /** Publishes may be sent. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** A publish was refused: it stays in the queue. */
  onRefused(code: ErrorCode, retryAfter: number, underWay: number): void {
    // While it waits nothing is under way, so a refusal can only come before.
    this.#retryAfter = retryAfter > 0 ? retryAfter : RETRY_AFTER;
    if (this.#state === "open") {
      this.#state = "draining";
      if (code === ErrorCode.RateLimited) {
        this.#window = Math.max(WINDOW_MIN, Math.floor(Math.min(this.#window, underWay) / 2));
      }
    }
  }

  /** Behind each batch of answers: when nothing is under way any more, the waiting begins. */
  onAnswered(): void {
    if (this.#state === "open") {
      this.#window++;
    } else if (this.#state === "draining" && this.#sends.inFlight === 0) {
      this.#state = "waiting";
      this.#timer = this.#clock.setTimeout(() => {
        this.#sends.goBack();
        this.#state = "open";
        this.#wake();
      }, this.#retryAfter);
    }
  }

  /** A new connection knows of no refusal, and everything unanswered goes out on it anyway. */
  reset(): void {
    this.#clock.clearTimeout(this.#timer);
    this.#window = Infinity;
    this.#state = "open";
  }
}
