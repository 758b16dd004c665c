/** Wakes the one who waits; raised before anybody waits, it wakes the next one at once. */
export class AsyncSignal {
  #isRaised = false;
  #wake: (() => void) | undefined;

  raise(): void {
    this.#isRaised = true;
    this.#wake?.();
  }

  /** Waits until it is raised, or the abort signal says so, and lowers it. */
  async wait(signal?: AbortSignal): Promise<void> {
    if (!this.#isRaised && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          signal?.removeEventListener("abort", wake);
          this.#wake = undefined;
          resolve();
        };
        this.#wake = wake;
        signal?.addEventListener("abort", wake);
      });
    }

    this.#isRaised = false;
  }
}
