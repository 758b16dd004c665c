/** One at a time, in the order of asking, within one program. */
export class Mutex {
  #last: Promise<void> = Promise.resolve();

  /** Waits for its turn; the function that comes back ends it, and does nothing when it is called again. */
  async lock(signal?: AbortSignal): Promise<() => void> {
    const before = this.#last;
    let release: () => void = () => undefined;
    this.#last = new Promise((resolve) => (release = resolve));
    await before;
    if (signal?.aborted) {
      release();
      throw signal.reason;
    }

    return release;
  }
}
