import { Component, type ComponentChildren, type JSX } from "preact";
import { session } from "../model/Session.ts";
import { ChatPage } from "./ChatPage.tsx";
import { SignIn } from "./SignIn.tsx";
import { ChatContext } from "./state.ts";

/** What is drawn when drawing failed: a defect of this page must not be a blank one. */
class Guard extends Component<{ children: ComponentChildren }, { problem: string | undefined }> {
  override state = { problem: undefined as string | undefined };

  override componentDidCatch(error: unknown): void {
    // For whoever looks into it; nothing of it is sent anywhere.
    console.error(error);
    this.setState({ problem: error instanceof Error ? error.message : String(error) });
  }

  override render(): ComponentChildren {
    if (this.state.problem === undefined) return this.props.children;
    return (
      <main class="empty">
        <h1>This page has a defect</h1>
        <p>What you sent is safe. Load the page again to go on.</p>
        <p class="hint">{this.state.problem}</p>
        <button type="button" class="button primary" onClick={() => location.reload()}>Load again</button>
      </main>
    );
  }
}

export function App(): JSX.Element {
  return <Guard><Content /></Guard>;
}

function Content(): JSX.Element {
  const current = session.value;
  if (current.state === "starting") return <main class="splash" aria-busy="true"><div class="spinner" /><span class="visually-hidden">Starting</span></main>;
  if (current.state === "out") return <SignIn reason={current.reason} />;
  return (
    <ChatContext.Provider value={current.chat} key={current.chat.self}>
      <ChatPage />
    </ChatContext.Provider>
  );
}
