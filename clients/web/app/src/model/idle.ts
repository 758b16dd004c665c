import type { Chat } from "./Chat.ts";

/** Nobody is at a device that nobody touched for so long. */
const IDLE_AFTER = 10 * 60_000;
const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"] as const;

/** Tells the broker when nobody is at this page any more, and when somebody is again: who is at none of their devices is away. Returns what ends that. */
export function watchIdle(chat: Chat): () => void {
  let isIdle = false;
  let timer = 0;
  const tell = (idle: boolean): void => {
    isIdle = idle;
    // It is the session's: after a reconnect it is told again with the next change.
    chat.client.setPresence({ isIdle: idle }).catch(() => undefined);
  };
  let last = 0;
  const onSign = (): void => {
    const now = performance.now();
    if (isIdle) tell(false);
    else if (now - last < 5000) return;
    last = now;
    clearTimeout(timer);
    timer = window.setTimeout(() => tell(true), IDLE_AFTER);
  };
  onSign();
  for (const sign of SIGNS) window.addEventListener(sign, onSign, { passive: true });
  return () => {
    clearTimeout(timer);
    for (const sign of SIGNS) window.removeEventListener(sign, onSign);
  };
}
