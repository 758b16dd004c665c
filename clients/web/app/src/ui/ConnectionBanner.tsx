import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Icon } from "./icons.tsx";
import { useChat } from "./state.ts";

/** A connection that is back within this time was never gone as far as anybody sees. */
const PATIENCE = 1200;

/** Says that there is no connection, and when the next attempt comes. What is written meanwhile is sent later. */
export function ConnectionBanner(): JSX.Element | null {
  const chat = useChat();
  const state = chat.connection.value;
  const [isShown, setIsShown] = useState(false);
  const [now, setNow] = useState(Date.now());
  const isConnected = state.phase === "connected";
  useEffect(() => {
    if (isConnected) {
      setIsShown(false);
      return;
    }

    const timer = setTimeout(() => setIsShown(true), PATIENCE);
    const clock = setInterval(() => setNow(Date.now()), 1000);
    return () => {
      clearTimeout(timer);
      clearInterval(clock);
    };
  }, [isConnected]);

  // The region stands always: what appears in it is read out.
  const seconds = Math.max(0, Math.ceil(((state.nextAttemptAt ?? now) - now) / 1000));
  const isVisible = isShown && !isConnected;
  return (
    <div class="banner-place" role="status">
      {isVisible && (
        <div class="banner">
          <Icon name="offline" small />
          <span>{navigator.onLine ? "Connecting again" : "You are offline"}. What you write is sent when the connection is back.</span>
          {state.phase === "waiting" && seconds > 1 && <span class="banner-when" aria-hidden="true">Next try in {seconds} s.</span>}
          <button type="button" class="link-button" onClick={() => chat.client.wake()}>Try now</button>
        </div>
      )}
    </div>
  );
}
