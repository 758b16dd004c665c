/**
 * Runs a function with the next frame, however often it is asked for until then; while the page is not shown, a few times a second. What arrives a thousand times a second is shown sixty times.
 */
export function perFrame(action: () => void): () => void {
  let isAsked = false;
  return () => {
    if (isAsked) return;
    isAsked = true;
    inNextFrame(() => {
      isAsked = false;
      action();
    });
  };
}

/** Calls a function with the next frame, or soon when there are no frames. */
export function inNextFrame(action: () => void): void {
  if (document.visibilityState === "visible") requestAnimationFrame(action);
  else setTimeout(action, 250);
}
