/** Time and timers, so that a test can have its own. */
export interface Clock {
  /** Milliseconds that only grow. */
  now(): number;

  /** The wall clock, in ms since 1970. */
  date(): number;

  /** Calls once, later. */
  setTimeout(callback: () => void, ms: number): unknown;

  /** Forgets a timer. */
  clearTimeout(timer: unknown): void;
}

/** The longest time that a timer of the platform takes; a longer one would fire at once. */
const TIMER_MAX = 0x7fff_ffff;

/** The platform's clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  setTimeout: (callback, ms) => setTimeout(callback, Math.min(ms, TIMER_MAX)),
  clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

/** Waits; ends early, without an error, when the signal says so. */
export function delay(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }

    const done = (): void => {
      clock.clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}

/** The promise, or the signal's reason when that comes first. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) {
    return promise;
  }

  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) {
      onAbort();
    }

    signal.addEventListener("abort", onAbort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
