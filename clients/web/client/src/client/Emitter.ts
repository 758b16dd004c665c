/** Calls handlers by the name of an event. What a handler throws is its own error: it is reported to the platform as an uncaught one, and nobody else notices. */
export class Emitter<Events extends object> {
  readonly #handlers = new Map<keyof Events, Set<(event: never) => void>>();

  /** Calls the handler with each event that follows. Returns what ends that. */
  on<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => void): () => void {
    const handlers = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, handlers);

    // A handler that is added twice is called twice, and each of the two ends by itself.
    const own = (event: Events[Name]): void => handler(event);
    handlers.add(own);
    return () => handlers.delete(own);
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const handler of [...(this.#handlers.get(name) ?? [])] as ((event: Events[Name]) => void)[]) {
      callSafely(() => handler(event));
    }
  }

  /** True when somebody listens. */
  has(name: keyof Events): boolean {
    return (this.#handlers.get(name)?.size ?? 0) > 0;
  }
}

/** Calls the application; what it throws becomes an uncaught error of its own. */
export function callSafely<T>(callback: () => T): T | undefined {
  try {
    return callback();
  } catch (error) {
    report(error);
    return undefined;
  }
}

/** Reports an error to the platform as an uncaught one. */
export function report(error: unknown): void {
  const platform = globalThis as { reportError?: (error: unknown) => void };
  if (platform.reportError !== undefined) {
    platform.reportError(error);
  } else {
    queueMicrotask(() => {
      throw error;
    });
  }
}
