import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { Icon } from "../ui/icons.tsx";
import { signIn } from "./console.ts";
import { problemOf } from "./problems.ts";

/** The way in: an operator's token, which is kept in this tab and nowhere else. */
export function SignIn({ reason }: { reason: string | undefined }): JSX.Element {
  const [problem, setProblem] = useState<string | undefined>(reason);
  const [isBusy, setIsBusy] = useState(false);
  const token = useRef<HTMLInputElement>(null);

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if (isBusy) return;
    const given = token.current!.value.trim();
    if (given === "") {
      setProblem("A token is needed.");
      token.current!.focus();
      return;
    }

    setProblem(undefined);
    setIsBusy(true);
    try {
      await signIn(given);
    } catch (error) {
      setProblem(problemOf(error));
      setIsBusy(false);
      requestAnimationFrame(() => token.current?.focus());
    }
  }

  return (
    <main class="entry">
      <form class="entry-card" method="post" onSubmit={(event) => void submit(event)} aria-labelledby="entry-title">
        <span class="entry-mark" aria-hidden="true"><Icon name="lock" /></span>
        <h1 id="entry-title">Operator</h1>
        <p class="hint">The token is in the file <code>operator.token</code> of the broker's data directory. It stays in this tab, and is forgotten with it.</p>
        {problem !== undefined && <div class="notice" role="alert"><Icon name="warn" small /><span>{problem}</span></div>}
        <div class="field">
          <label for="token">Operator's token</label>
          <input ref={token} id="token" class="input" type="password" autocomplete="off" autocapitalize="none" spellcheck={false} maxLength={128} autoFocus required disabled={isBusy} aria-invalid={problem !== undefined} />
        </div>
        <button class="button primary wide" type="submit" disabled={isBusy}>{isBusy ? "One moment …" : "Sign in"}</button>
      </form>
    </main>
  );
}
