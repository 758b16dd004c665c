/** How long to wait for a frame of the screen, in ms: a page that nobody sees draws none. */
const HIDDEN = 100;

/**
 * Calls once, in time for the next frame of the screen: what arrives in between is handed over together, and a page draws no more often than the screen does. Where there is no screen, when the running code has ended.
 */
export function scheduleForScreen(run: () => void): void {
  const page = globalThis as { document?: { visibilityState: string }; requestAnimationFrame?: (run: () => void) => unknown };
  if (page.document === undefined || page.requestAnimationFrame === undefined) {
    queueMicrotask(run);
    return;
  }

  let hasRun = false;
  const once = (): void => {
    if (!hasRun) {
      hasRun = true;
      clearTimeout(timer);
      run();
    }
  };
  const timer = setTimeout(once, HIDDEN);
  page.requestAnimationFrame(once);
}
