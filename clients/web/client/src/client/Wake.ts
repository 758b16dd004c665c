/** Says when the world outside has changed so that an attempt is worth making at once, and a silent connection is worth a question. */
export interface WakeSource {
  /** Calls the handler each time. Returns what ends that. */
  onWake(handler: () => void): () => void;
}

/** Of a page: it is looked at again, comes out of the back-forward cache, or the network is back. Undefined where there is no page. */
export function pageWake(): WakeSource | undefined {
  const page = globalThis as unknown as { document?: Document; window?: Window };
  const { document, window } = page;
  if (document === undefined || window === undefined) {
    return undefined;
  }

  return {
    onWake(handler) {
      const onVisible = (): void => {
        if (document.visibilityState === "visible") {
          handler();
        }
      };
      document.addEventListener("visibilitychange", onVisible);
      window.addEventListener("online", handler);
      window.addEventListener("pageshow", handler);
      return () => {
        document.removeEventListener("visibilitychange", onVisible);
        window.removeEventListener("online", handler);
        window.removeEventListener("pageshow", handler);
      };
    },
  };
}
