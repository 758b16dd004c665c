import type { JSX } from "preact";
import { session } from "../model/Session.ts";
import { ChatPage } from "./ChatPage.tsx";
import { SignIn } from "./SignIn.tsx";
import { ChatContext } from "./state.ts";

export function App(): JSX.Element {
  const current = session.value;
  if (current.state === "starting") return <main class="splash" aria-busy="true"><div class="spinner" /><span class="visually-hidden">Starting</span></main>;
  if (current.state === "out") return <SignIn reason={current.reason} />;
  return (
    <ChatContext.Provider value={current.chat} key={current.chat.self}>
      <ChatPage />
    </ChatContext.Provider>
  );
}
