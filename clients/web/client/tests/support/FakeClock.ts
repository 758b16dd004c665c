import type { Clock } from "../../src/client/Clock.js";

/** Lets everything run that is ready to. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A clock that a test turns. */
export class FakeClock implements Clock {
  #now = 1000;
  #timers: { at: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  date(): number {
    return 1_700_000_000_000 + this.#now;
  }

  setTimeout(callback: () => void, ms: number): unknown {
    const timer = { at: this.#now + ms, callback };
    this.#timers.push(timer);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    this.#timers = this.#timers.filter((one) => one !== timer);
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.length;
  }

  /** When the next timer fires, from now, in ms. */
  get nextIn(): number {
    return Math.min(...this.#timers.map((timer) => timer.at)) - this.#now;
  }

  /** Turns it on, timer by timer, and lets what each sets off run. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settle();
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) {
        break;
      }

      this.#now = Math.max(this.#now, next.at);
      this.clearTimeout(next);
      next.callback();
      await settle();
    }

    this.#now = until;
    await settle();
  }
}
